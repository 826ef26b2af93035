"""Writes what outside implementations say of random texts and boxes, for the native tests of the verifiers:

    pip install rapidfuzz==3.14.6 shapely==2.2.0
    python tests/peers/verifiers.py

`reward-plugins/text/tests/fixtures/peer.jsonl`: ANLS (without a threshold) by RapidFuzz's Levenshtein distance, token F1 as the SQuAD
evaluation has it. `reward-plugins/bbox/tests/fixtures/peer.jsonl`: intersection over union by Shapely.
"""

import json
import random
import re
import string
from collections import Counter
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from shapely.geometry import box

PLUGINS = Path(__file__).resolve().parents[2] / "reward-plugins"
WORDS = "the a an red blue car cars dog Dog Paris, France. don't naïve über Straße 日本 ΟΔΟΣ 12 12.5 $3 (x) --".split()


def words(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(answer, reference):
    answer, reference = words(answer), words(reference)
    common = sum((Counter(answer) & Counter(reference)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(answer), common / len(reference)
    return 2 * precision * recall / (precision + recall)


def anls(answer, reference):
    answer, reference = (" ".join(text.lower().split()) for text in (answer, reference))
    return 1 - Levenshtein.distance(answer, reference) / max(len(answer), len(reference))


def phrase(random):
    return (" " * random.choice([1, 1, 2])).join(random.choices(WORDS, k=random.randint(1, 12)))


def changed(random, text):
    """`text` after some edits, so that pairs are of every likeness."""
    chars = list(text)
    for _ in range(random.randint(0, 8)):
        at = random.randint(0, len(chars))
        chars[at : at + random.randint(0, 3)] = random.choices("abcé e日", k=random.randint(0, 3))
    return "".join(chars).strip() or "x"


def texts(random):
    for at in range(600):
        # Some are long: distances are worked out in blocks of 64 characters.
        reference = " ".join(phrase(random) for _ in range(random.randint(2, 12) if at % 8 == 0 else 1))
        answer = changed(random, reference) if random.random() < 0.6 else phrase(random)
        # Where nothing is left of the reference, ours keeps articles and punctuation on purpose.
        expected = {"anls": anls(answer, reference), "f1": f1(answer, reference) if words(reference) else None}
        yield {"answer": answer, "reference": reference, **expected}


def boxes(random):
    def corners(low, high, digits):
        def side():
            a, b = sorted(round(random.uniform(low, high), digits) for _ in range(2))
            return (a, b) if a < b else (a, b + 1)

        (left, right), (top, bottom) = side(), side()
        return [left, top, right, bottom]

    for _ in range(600):
        digits = random.choice([0, 0, 1, 3])
        high = random.choice([10, 1000, 100_000])
        first = corners(0, high, digits)
        second = corners(0, high, digits)
        if random.random() < 0.5:
            second = [max(0.0, n + random.uniform(-0.1, 0.1) * (first[2] - first[0])) for n in first]
            if second[0] >= second[2] or second[1] >= second[3]:
                second = first
        a, b = box(*first), box(*second)
        yield {"boxes": [first, second], "iou": a.intersection(b).area / a.union(b).area}


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


write(PLUGINS / "text/tests/fixtures/peer.jsonl", texts(random.Random(20261122)))
write(PLUGINS / "bbox/tests/fixtures/peer.jsonl", boxes(random.Random(20261122)))
