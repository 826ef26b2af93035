"""Does the job of a verifier in Python, in this process, and prints what it cost: `verifier_bench.py JOB SAMPLES.jsonl`.

Latencies are those of single samples in microseconds, as the example `bench_score` takes them: 4,000 in a round, the median of 7 rounds.
Where that would take more than 30 seconds there are fewer.
"""

import json
import re
import statistics
import string
import sys
import time
from collections import Counter

SINGLE = 4_000
ROUNDS = 7
SECONDS = 30


def tag(text):
    found = re.findall(r"<answer>(.*?)</answer>", text, re.DOTALL)
    return found[-1].strip() if found else text.strip()


def first(answer):
    """The reference: the first of a list."""
    return str(answer[0] if isinstance(answer, list) and answer else answer)


def number(row):
    found = re.findall(r"-?\d+(?:\.\d+)?", tag(row["response"]))
    try:
        return float(bool(found) and float(found[-1]) == float(first(row["answer"])))
    except ValueError:
        return 0.0


def choice(row):
    return float(tag(row["response"]).strip(".()* ")[:1].upper() == first(row["answer"]).upper())


def boolean(row):
    def read(text):
        text = text.lower()
        return True if "yes" in text or "true" in text else False if "no" in text or "false" in text else None

    found = read(tag(row["response"]))
    return float(found is not None and found == read(first(row["answer"])))


def any_text(row):
    return float(tag(row["response"]).lower() == first(row["answer"]).lower())


def anls():
    from rapidfuzz.distance import Levenshtein

    def score(row):
        a, b = (" ".join(text.lower().split()) for text in (tag(row["response"]), row["answer"]))
        found = 1 - Levenshtein.distance(a, b) / max(len(a), len(b))
        return found if found >= 0.5 else 0.0

    return score


def f1(row):
    def words(text):
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    answer, reference = words(tag(row["response"])), words(row["answer"])
    common = sum((Counter(answer) & Counter(reference)).values())
    return 2 * common / (len(answer) + len(reference)) if common else 0.0


def iou():
    from shapely.geometry import box

    def score(row):
        found = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", tag(row["response"]))]
        reference = row["answer"]
        if isinstance(reference, str):
            reference = json.loads(reference)
        if len(found) != 4 or len(reference) != 4:
            return 0.0
        a, b = box(*found), box(*reference)
        return a.intersection(b).area / a.union(b).area

    return score


def detection():
    import numpy
    from scipy.optimize import linear_sum_assignment
    from shapely.geometry import box

    def score(row):
        found, wanted = json.loads(tag(row["response"])), row["answer"]
        ious = numpy.zeros((len(found), len(wanted)))
        boxes = [box(*w["bbox_2d"]) for w in wanted]
        for at, f in enumerate(found):
            a = box(*f["bbox_2d"])
            for other, (w, b) in enumerate(zip(wanted, boxes)):
                if f["label"] == w["label"]:
                    value = a.intersection(b).area / a.union(b).area
                    ious[at, other] = value if value >= 0.5 else 0.0
        rows, columns = linear_sum_assignment(ious, maximize=True)
        return float(ious[rows, columns].sum()) / max(len(found), len(wanted))

    return score


def chart(row):
    def read(text):
        try:
            return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
        except ValueError:
            return None

    answer, reference = tag(row["response"]), row["answer"]
    a, b = read(answer), read(reference)
    if a is not None and b:
        return float(abs(a - b) / abs(b) <= 0.05)
    return float(answer.lower() == reference.lower())


def point(row):
    found = re.findall(r"[\[(]\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*[\])]", tag(row["response"]))
    reference = row["answer"]
    if not found or not isinstance(reference, list) or not isinstance(reference[0], (int, float)):
        return 0.0
    (x, y), (left, top, right, bottom) = map(float, found[0]), reference
    return float(left <= x <= right and top <= y <= bottom)


def json_schema():
    from jsonschema import Draft202012Validator

    def score(row):
        try:
            found = json.loads(tag(row["response"]))
        except ValueError:
            return 0.0
        return float(Draft202012Validator(row["schema"]).is_valid(found))

    return score


def length(row):
    """With the parameters of the job: words, at most 100, a buffer of 50, runs of four words."""
    words = row["response"].lower().split()
    over = min(max(len(words) - 50, 0) / 50, 1)
    runs = list(zip(words, words[1:], words[2:], words[3:]))
    return -over - (1 - len(set(runs)) / len(runs) if runs else 0)


def wemath():
    """An answer by itself; the metrics need a table of all."""
    equal = math()

    def score(row):
        reference = row["answer"]["answer"] if isinstance(row["answer"], dict) else row["answer"]
        row = {**row, "answer": reference}
        return choice(row) if re.fullmatch("[A-Z]", first(reference)) else equal(row)

    return score


def think_answer(row):
    return float(bool(re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", row["response"].strip(), re.DOTALL)))


def math():
    from math_verify import parse, verify

    def marked(text):
        """It reads LaTeX between dollar signs, or in a box."""
        return text if "$" in text or "boxed" in text else f"${text}$"

    def score(row):
        return float(verify(parse(marked(first(row["answer"]))), parse(marked(tag(row["response"])))))

    return score


def auto():
    scorers = {
        "multiple-choice": choice,
        "math-expressions": math(),
        "number": number,
        "boolean": boolean,
        "ocrtext": any_text,
        "bbox": iou(),
        "critic": any_text,
        "any": any_text,
    }

    def score(row):
        try:
            found = scorers[row["answer_type"]](row)
        except Exception:  # Boxes of no area, infinite numbers.
            return 0.0
        return found if found == found else 0.0

    return score


JOBS = {
    "auto": auto,
    "bbox": iou,
    "boolean": lambda: boolean,
    "chart": lambda: chart,
    "choice": lambda: choice,
    "counting": lambda: number,
    "detection": detection,
    "format": lambda: think_answer,
    "format, JSON Schema": json_schema,
    "length": lambda: length,
    "math": math,
    "number": lambda: number,
    "point": lambda: point,
    "text, ANLS": anls,
    "text, F1": lambda: f1,
    "wemath": wemath,
}


def main(job, path):
    score = JOBS[job]()
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    start = time.perf_counter()
    mean = statistics.fmean(score(row) for row in rows)
    # What the rounds would take; one pass over the samples stands for all.
    pass_time = time.perf_counter() - start
    single = min(SINGLE, max(len(rows), int(SECONDS / ROUNDS / pass_time * len(rows))))
    rounds = max(1, min(ROUNDS, int(SECONDS / (pass_time * single / len(rows)))))
    p50, p99 = [], []
    for _ in range(rounds):
        times = []
        for at in range(single):
            row = rows[at % len(rows)]
            begin = time.perf_counter()
            score(row)
            times.append((time.perf_counter() - begin) * 1e6)
        times.sort()
        p50.append(times[len(times) // 2])
        p99.append(times[len(times) * 99 // 100])
    latency = {"p50": round(statistics.median(p50), 2), "p99": round(statistics.median(p99), 2)}
    print(json.dumps({"mean_score": mean, "samples": single, "rounds": rounds, "latency_us": latency}))


main(sys.argv[1], sys.argv[2])
