"""Judges the hand-written cases with math-verify and writes agreement.md: where it and the cases differ.

    pip install math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0
    python agreement.py 2026-11-21 > agreement.md

rlhost's verifier gives what the cases expect (`rlhost plugin test math`), so a difference from a case is a
difference from rlhost. Cases with parameters are left out: math-verify has none of them.
"""

import json
import logging
import pathlib
import sys

from math_verify import parse, verify
from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig

logging.disable(logging.CRITICAL)
CONFIG = [
    LatexExtractionConfig(),
    ExprExtractionConfig(),
    StringExtractionConfig(strings=(*"ABCDEFGHIJ", "yes", "no", "true", "false")),
]

# The hand-written answers, a file for each topic, and why they are right where the two differ; a response in
# BY_CASE has a reason of its own.
BY_TOPIC = {
    "integers": "a trailing point and Markdown's bold say nothing about the number",
    "thousands": "`\\,` between groups of three digits separates thousands",
    "decimals and fractions": "exact decimals: repeating digits, digits beyond a double's precision, `{,}` and ½ count",
    "mixed numbers": "an integer and a proper fraction side by side are their sum",
    "scientific notation": "1e3 is 1000",
    "powers and roots": "the real cube root; `**` and √ as people write them",
    "percent": "a convention: 50% is 0.5 and not 50 (`percent = \"either\"` takes both, as math-verify does)",
    "units": "5 cm is not 5 m; the same unit spelt in another way is the same",
    "constants": "i² = −1, and pi without a backslash is π",
    "infinity": "∞ is \\infty",
    "equations": "equations and inequalities may be turned round or multiplied, but `x = 5` asks for the solved form; names are told apart",
    "plus minus": "both values of a plus-minus are in the list, in another form",
    "lists": "a list is compared with its multiplicities; a convention: without brackets it is no tuple",
    "tuples": "angle brackets are brackets; a tuple is no set",
    "sets": "two signs for the empty set",
    "intervals": "∞ and inf are \\infty, U is a union, and an inequality for one variable is an interval",
    "polynomials": "a product may change its order; symbols differ by case",
    "functions and exponents": "sin 30° = 1/2",
    "choices": "a letter with its punctuation, its label or its text is that choice",
    "yes and no": "case and the full stop don't matter; yes answers true",
    "as models write them": "the same value in another usual spelling",
    "text": "words are compared as words: `cat` is no product of letters",
}
BY_CASE = {"5 \\text{ or so}": "`or so` takes the number back", "0^0": "0^0 is not defined", "1e3": "1e3 is 1000"}


# Topics without a difference.
AGREED = ("matrices", "rational expressions", "proportions", "tolerance", "unfinished arithmetic")
OPEN, CLOSE = "<think>so</think><answer>", "</answer>"


def rows():
    for topic in sorted((*BY_TOPIC, *AGREED)):
        path = pathlib.Path(__file__).with_name(topic.replace(" ", "-") + ".jsonl")
        for case in map(json.loads, path.read_text().splitlines()):
            if "params" not in case:
                response = case["response"].removeprefix(OPEN).removesuffix(CLOSE)
                yield topic, case["expect"]["score"] == 1, case["answer"], response


def judged(reference, response):
    reference = reference if "$" in reference else f"${reference}$"
    gold = parse(reference, extraction_config=CONFIG, parsing_timeout=5)
    return verify(gold, parse(f"\\boxed{{{response}}}", extraction_config=CONFIG, parsing_timeout=5), timeout_seconds=5)


def code(text):
    return "`" + text.replace("|", "\\|") + "`" if text else "(nothing)"


cases = list(rows())
differing = [case for case in cases if judged(*case[2:]) != case[1]]
missed = sum(equal for _, equal, *_ in differing)
print("# Agreement with math-verify\n")
print(f"Measured {sys.argv[1]} with math-verify 0.9.0 by `agreement.py`, over the hand-written cases that need")
print("no parameters (README.md). rlhost's verifier judges all of them as they expect (`rlhost plugin test math`).\n")
print("| | |\n|---|---|")
print(f"| cases | {len(cases)} |")
print(f"| same verdict | {len(cases) - len(differing)} ({(len(cases) - len(differing)) / len(cases):.1%}) |")
print(f"| equal, but math-verify says no | {missed} |")
print(f"| not equal, but math-verify says yes | {len(differing) - missed} |\n")
print("Every disagreement; the case is right in each for the reason given, or by the convention named.\n")
print("| topic | reference | response | by the case | math-verify | why |\n|---|---|---|---|---|---|")
for topic, equal, reference, response in differing:
    verdicts = ("equal", "not equal") if equal else ("not equal", "equal")
    reason = BY_CASE.get(response, BY_TOPIC[topic])
    print(f"| {topic} | {code(reference)} | {code(response)} | {verdicts[0]} | {verdicts[1]} | {reason} |")
