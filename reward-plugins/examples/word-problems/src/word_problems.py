"""Rule-based reward for math word problems (grade-school style: a short solution that ends in one number).

Written for veRL's custom_reward_function, without anything of rlhost in it.
"""

import re
from fractions import Fraction

# A number as people write it: 1,200 or -3.50 or 3/4 or 1 1/2, with a currency sign or a percent sign.
NUMBER = re.compile(
    r"(?P<sign>(?:(?<![\w)])[-−])?)\s?[$€£]?(?:(?P<whole>\d{1,12})\s(?=\d+/))?"
    r"(?P<digits>\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,30})?(?P<point>\.\d{1,30})?(?:/(?P<under>\d{1,30}))?\s?(?P<percent>%?)"
)
# Where an answer is announced, from the surest to the least sure.
MARKS = [
    re.compile(r"####[ \t]*([^\n]*)"),
    re.compile(r"<answer>(.*?)</answer>", re.DOTALL),
    re.compile(r"\\boxed\{([^{}]*)\}"),
    re.compile(r"(?i:final answer|the answer) (?:is|=):?\s*([^\n]*)"),
]


def numbers(text):
    """All numbers in a text, in order, as exact fractions."""
    found = []
    for match in NUMBER.finditer(text):
        if not match["digits"] and not match["point"]:
            continue
        value = Fraction((match["digits"] or "0").replace(",", "") + (match["point"] or ""))
        if match["under"]:
            if int(match["under"]) == 0:
                continue
            value /= int(match["under"])
        value += int(match["whole"] or 0)
        if match["percent"]:
            value /= 100
        found.append(-value if match["sign"] else value)
    return found


def extract(text):
    """The number that a solution ends in, and whether it is announced as the answer."""
    for mark in MARKS:
        announced = mark.findall(text)
        if announced:
            # The last one counts: a model may correct itself, but not hedge.
            values = numbers(announced[-1])
            return (values[0] if len(values) == 1 else None), True
    values = numbers(text)
    return (values[-1] if values else None), False


def compute_score(data_source, solution_str, ground_truth, extra_info=None, format_score=0.1, tolerance=0.0):
    """1 for the right number, `format_score` for a wrong one that is announced as the answer, else 0.

    `ground_truth` is a number, a text with one, or a whole solution that announces it. With `tolerance`, values may be
    off by that share of the reference.
    """
    expected, _ = extract(str(ground_truth))
    if expected is None:
        return None
    # What is thought is not answered.
    solution = solution_str.split("</think>")[-1]
    found, announced = extract(solution)
    if found is None:
        right = False
    elif (extra_info or {}).get("percent") and found * 100 == expected:
        # The data asks for a percentage: 0.25 and 25% are the same.
        right = True
    else:
        right = abs(found - expected) <= Fraction(tolerance) * abs(expected)
    score = 1.0 if right else format_score if announced else 0.0
    return {
        "score": score,
        "accuracy": float(right),
        "announced": float(announced),
        "pred": "" if found is None else str(found),
    }
