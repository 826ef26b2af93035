"""Random transcriptions, judged by RapidFuzz, as golden cases of the example `ocr`.

    pip install rapidfuzz==3.14.3
    python tests/peers/ocr.py > reward-plugins/examples/ocr/cases/random.jsonl
"""

import json
import random

from rapidfuzz.distance import Levenshtein

LETTERS = "abcdefgh éß漢字😀Ω0123 .,-  "
COUNT = 120


def text(length):
    return "".join(random.choice(LETTERS) for _ in range(length)).strip() or "x"


def mutated(original, rate):
    out = []
    for letter in original:
        roll = random.random()
        if roll < rate / 3:
            continue
        if roll < 2 * rate / 3:
            out.append(random.choice(LETTERS))
        if roll < rate:
            out.append(random.choice(LETTERS))
        else:
            out.append(letter)
    return "".join(out)


def accuracy(edits, length):
    return max(0.0, 1.0 - edits / length)


def main():
    random.seed(20)
    for i in range(COUNT):
        right = text(random.choice([1, 5, 20, 63, 64, 65, 127, 128, 129, 300]))
        said = mutated(right, random.choice([0.0, 0.05, 0.2, 0.6])) if i % 5 else text(random.randint(1, 200))
        a, b = " ".join(said.split()), " ".join(right.split())
        edits = Levenshtein.distance(a, b)
        similar = accuracy(edits, max(len(a), len(b)))
        parts = {
            "anls": similar if similar >= 0.5 else 0.0,
            "characters": accuracy(edits, len(b)) if a else 0.0,
            "words": accuracy(Levenshtein.distance(a.split(), b.split()), len(b.split())) if a else 0.0,
        }
        row = {"name": f"random {i}", "response": said, "answer": right, "params": {"ignore_case": False}}
        print(json.dumps(row | {"expect": {"score": parts["anls"], "parts": parts}}, ensure_ascii=False))


main()
