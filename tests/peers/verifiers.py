"""Writes what outside implementations say of random texts and boxes, for the native tests of the verifiers:

    pip install rapidfuzz==3.14.6 shapely==2.2.0 scipy==1.17.1 pycocotools==2.0.11 jsonschema==4.26.0 pandas==3.1.1
    python tests/peers/verifiers.py

`reward-plugins/text/tests/fixtures/peer.jsonl`: ANLS (without a threshold) by RapidFuzz's Levenshtein distance, token F1 as the SQuAD
evaluation has it. `reward-plugins/bbox/tests/fixtures/peer.jsonl`: intersection over union by Shapely. `detection`: the best assignment
by SciPy over Shapely's intersections, and the greedy one of Visual-RFT's reward. `point`: masks by pycocotools, largest matchings by
SciPy. `chart`: the function of ChartQA's relaxed accuracy as Pix2Struct published it. `format`: JSON Schema by jsonschema. `wemath`: the
metrics by pandas, in the way of We-Math's evaluation. `length`: DAPO's soft overlong punishment (Yu et al. 2025, equation 13) and the
n-gram repetition penalty (Yeo et al. 2025, "Demystifying Long Chain-of-Thought Reasoning"), read from the papers.
"""

import json
import random
import re
import string
from collections import Counter
from pathlib import Path

import numpy
import pandas
from jsonschema import Draft202012Validator
from pycocotools import mask as coco
from rapidfuzz.distance import Levenshtein
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
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


def iou(a, b):
    a, b = box(*a), box(*b)
    return a.intersection(b).area / a.union(b).area


def measured(boxes, wanted, ious, pairs):
    """What pairs (row, column) are worth."""
    matched = {row for row, _ in pairs}
    confidence = sum(b["confidence"] if at in matched else 1 - b["confidence"] for at, b in enumerate(boxes))
    return {
        "iou": sum(ious[pair] for pair in pairs) / max(len(boxes), len(wanted)),
        "confidence": confidence / len(boxes) if pairs else 0.0,
        "precision": len(pairs) / len(boxes),
        "recall": len(pairs) / len(wanted),
        "f1": 2 * len(pairs) / (len(boxes) + len(wanted)),
    }


def detections(random):
    def corners():
        left, top = random.randint(0, 60), random.randint(0, 60)
        return [left, top, left + random.randint(5, 50), top + random.randint(5, 50)]

    for _ in range(400):
        labels = random.choice([["cat"], ["cat", "dog"], ["cat", "dog", "red car"]])
        wanted = [{"bbox_2d": corners(), "label": random.choice(labels)} for _ in range(random.randint(1, 7))]
        boxes = []
        for _ in range(random.randint(1, 8)):
            near = random.choice(wanted)
            place = [n + random.randint(-6, 6) for n in near["bbox_2d"]] if random.random() < 0.7 else corners()
            place = place if 0 <= place[0] < place[2] and 0 <= place[1] < place[3] else corners()
            label = near["label"] if random.random() < 0.8 else random.choice(labels)
            boxes.append({"bbox_2d": place, "label": label, "confidence": round(random.random(), 3)})
        # Of equal boxes only one counts.
        boxes = list({(*b["bbox_2d"], b["label"]): b for b in boxes}.values())
        threshold = random.choice([0.1, 0.3, 0.5])
        ious = numpy.zeros((len(boxes), len(wanted)))
        for row, b in enumerate(boxes):
            for column, w in enumerate(wanted):
                found = iou(b["bbox_2d"], w["bbox_2d"]) if b["label"] == w["label"] else 0.0
                ious[row, column] = found if found >= threshold else 0.0
        best = [pair for pair in zip(*linear_sum_assignment(ious, maximize=True)) if ious[pair] > 0]
        greedy, free = [], set(range(len(wanted)))
        for row in sorted(range(len(boxes)), key=lambda at: -boxes[at]["confidence"]):
            column = max(free, key=lambda at: ious[row, at], default=None)
            if column is not None and ious[row, column] > 0:
                greedy.append((row, column))
                free.remove(column)
        yield {
            "found": boxes,
            "wanted": wanted,
            "threshold": threshold,
            "optimal": measured(boxes, wanted, ious, best),
            "greedy": measured(boxes, wanted, ious, greedy),
        }


def masks(random):
    for _ in range(60):
        height, width = random.randint(1, 40), random.randint(1, 40)
        cells = numpy.zeros((height, width), dtype=numpy.uint8)
        for _ in range(random.randint(1, 4)):
            top, left = random.randrange(height), random.randrange(width)
            cells[top : top + random.randint(1, 20), left : left + random.randint(1, 20)] = random.choice([1, 1, 1, 0])
        cells[random.randrange(height), random.randrange(width)] = 1
        coded = coco.encode(numpy.asfortranarray(cells))
        runs = [0] if cells[0, 0] else []
        flat = cells.flatten(order="F")
        edges = [0, *(numpy.flatnonzero(numpy.diff(flat)) + 1).tolist(), len(flat)]
        runs += [b - a for a, b in zip(edges, edges[1:])]
        yield {
            "rows": ["".join(map(str, row)) for row in cells],
            "compressed": {"size": coded["size"], "counts": coded["counts"].decode()},
            "runs": {"size": [height, width], "counts": runs},
        }


def matchings(random):
    for _ in range(300):
        points, targets = random.randint(1, 9), random.randint(1, 7)
        hits = [[t for t in range(targets) if random.random() < random.choice([0.1, 0.3])] for _ in range(points)]
        table = csr_matrix([[int(t in hit) for t in range(targets)] for hit in hits])
        largest = int((maximum_bipartite_matching(table, perm_type="column") >= 0).sum())
        yield {"hits": hits, "targets": targets, "largest": largest}


def relaxed(target, prediction, change=0.05):
    """ChartQA's relaxed correctness, as in Pix2Struct's metrics."""

    def number(text):
        try:
            return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
        except ValueError:
            return None

    a, b = number(prediction), number(target)
    if a is not None and b:
        return abs(a - b) / abs(b) <= change
    return prediction.lower() == target.lower()


def charts(random):
    words = ["Yes", "No", "Germany", "dark blue", "Strongly agree", "Q1"]

    def number():
        text = f"{random.uniform(-2000, 2000):.{random.choice([0, 1, 2])}f}"
        return (text if float(text) else "1") + random.choice(["", "", "%"])

    for _ in range(600):
        reference = random.choice([number, number, lambda: random.choice(words)])()
        answer = random.choice([number(), random.choice(words), reference, reference.upper()])
        if random.random() < 0.6 and reference not in words:
            # Never within a rounding error of the bound.
            moved = float(reference.rstrip("%")) * random.choice([0.9, 0.951, 0.96, 1, 1.03, 1.049, 1.051, 1.2])
            answer = f"{moved:.6f}" + ("%" if reference.endswith("%") and random.random() < 0.7 else "")
        yield {"reference": reference, "answer": answer, "right": relaxed(reference, answer)}


NAMES = ["a", "b", "name", "x-1", "é", "10"]
PATTERNS = ["^a", "b$", "^[a-c]+$", "[0-9]", "^x-", "é", "^.{2,4}$"]


def value(random, depth=0):
    kinds = ["null", "bool", "int", "number", "text", "text", "list", "object", "object"]
    kind = random.choice(kinds if depth < 3 else kinds[:6])
    if kind == "list":
        return [value(random, depth + 1) for _ in range(random.randint(0, 4))]
    if kind == "object":
        return {name: value(random, depth + 1) for name in random.sample(NAMES, random.randint(0, 4))}
    return {
        "null": None,
        "bool": random.random() < 0.5,
        "int": random.randint(-6, 12),
        "number": random.choice([0.5, 1.0, 2.25, -3.5, 1e3, 7.0]),
        "text": random.choice(["", "a", "ab", "cab", "x-1", "é", "日本", "\U0001d7d8", "5", "abcabc"]),
    }[kind]


def schema(random, depth=0):
    """A schema of a few keywords, with definitions to refer to at its root."""

    def inner():
        if depth >= 3 or random.random() < 0.1:
            return random.choice([True, True, {"type": random.choice(["integer", "string", "object", "null"])}, False])
        return schema(random, depth + 1)

    def count():
        return random.choice([0, 1, 1, 2, 3, 2.0])

    def named(make):
        return {name: make() for name in random.sample(NAMES, random.randint(1, 3))}

    types = ["null", "boolean", "object", "array", "number", "string", "integer"]
    makers = {
        "type": lambda: random.choice([random.choice(types), random.sample(types, 3)]),
        "enum": lambda: [value(random, 2) for _ in range(3)],
        "const": lambda: value(random, 2),
        "multipleOf": lambda: random.choice([1, 2, 0.5, 3, 0.25]),
        "maximum": lambda: random.choice([0, 5, 7.0, -1]),
        "exclusiveMaximum": lambda: random.choice([0, 5, 7]),
        "minimum": lambda: random.choice([0, 1, 0.5, -4]),
        "exclusiveMinimum": lambda: random.choice([0, 1.0]),
        "maxLength": count,
        "minLength": count,
        "pattern": lambda: random.choice(PATTERNS),
        "maxItems": count,
        "minItems": count,
        "uniqueItems": lambda: random.random() < 0.8,
        "contains": inner,
        "minContains": count,
        "maxContains": count,
        "prefixItems": lambda: [inner() for _ in range(random.randint(1, 2))],
        "items": inner,
        "maxProperties": count,
        "minProperties": count,
        "required": lambda: random.sample(NAMES, random.randint(0, 2)),
        "dependentRequired": lambda: named(lambda: random.sample(NAMES, 1)),
        "dependentSchemas": lambda: named(inner),
        "properties": lambda: named(inner),
        "patternProperties": lambda: {random.choice(PATTERNS): inner()},
        "additionalProperties": inner,
        "propertyNames": lambda: {random.choice(["maxLength", "minLength"]): count()},
        "allOf": lambda: [inner() for _ in range(random.randint(1, 2))],
        "anyOf": lambda: [inner() for _ in range(random.randint(1, 3))],
        "oneOf": lambda: [inner() for _ in range(random.randint(1, 3))],
        "not": inner,
        "$ref": lambda: random.choice(["#/$defs/small", "#/$defs/a~1b", "#/$defs/tree"]),
        "title": lambda: "a title",
        "format": lambda: "email",
    }
    found = {name: makers[name]() for name in random.sample(sorted(makers), random.randint(1, 4))}
    if random.random() < 0.15:
        found |= {"if": inner(), "then": inner(), "else": inner()}
    if depth == 0:
        found["$defs"] = {
            "small": {"maximum": 5, "maxLength": 2, "maxItems": 1},
            "a/b": {"not": {"type": "null"}},
            "tree": {"items": {"$ref": "#/$defs/tree"}, "additionalProperties": {"$ref": "#/$defs/tree"}, "minimum": 0},
        }
    return found


def schemas(random):
    for _ in range(300):
        rules = schema(random)
        Draft202012Validator.check_schema(rules)
        validator = Draft202012Validator(rules)
        # Of many values some of either kind, where there are.
        found = {True: [], False: []}
        for _ in range(60):
            instance = value(random)
            kind = found[validator.is_valid(instance)]
            if len(kind) < 2 and instance not in kind:
                kind.append(instance)
        yield {"schema": rules, "valid": found[True], "invalid": found[False]}


def wemath(frame):
    """We-Math's metrics of rows (ID, key, right), by joining the questions of each problem."""
    counts = Counter()
    for steps in (2, 3):
        columns = [*(f"{steps}steps_{at}" for at in range(1, steps + 1)), f"{steps}steps_multi"]
        parts = [frame[frame.key == key].set_index("ID").right.rename(key) for key in columns]
        whole = pandas.concat(parts, axis=1, join="inner").astype(bool)
        single, multi = whole[columns[:-1]], whole[columns[-1]]
        every, some = single.all(axis=1), single.any(axis=1)
        counts += Counter(
            problems=len(whole),
            IG=int((every & ~multi).sum()),
            IK=int((~every & ~multi).sum()),
            CM_strict=int((every & multi).sum()),
            CM_loose=int((some & multi).sum()),
            RM_strict=int((~every & multi).sum()),
            RM_loose=int((~some & multi).sum()),
            right_steps=int(single.values.sum()),
            steps=single.size,
        )
        counts[f"right_{steps}"], counts[f"all_{steps}"] = int(multi.sum()), len(whole)
    n = counts["problems"]
    if not n:
        return None
    metrics = {"problems": n, "onestep_acc": counts["right_steps"] / counts["steps"]}
    for kind in ("strict", "loose"):
        mastered, memorised = counts[f"CM_{kind}"], counts[f"RM_{kind}"]
        metrics[f"score_{kind}"] = (n - 0.5 * counts["IG"] - memorised - counts["IK"]) / n
        metrics[f"CM_{kind}"] = mastered / n
        metrics[f"RM_{kind}"] = memorised / (mastered + memorised) if mastered + memorised else 0.0
    for name in ("IK", "IG"):
        metrics[name] = counts[name] / n
    for steps, name in ((2, "twostep_acc"), (3, "threestep_acc")):
        if counts[f"all_{steps}"]:
            metrics[name] = counts[f"right_{steps}"] / counts[f"all_{steps}"]
    return {f"wemath_{name}": value for name, value in metrics.items()}


def benchmarks(random):
    for _ in range(80):
        share = random.random()
        rows = []
        for at in range(random.randint(1, 12)):
            steps = random.choice([2, 3])
            # Some problems lack a question.
            for step in [*range(1, steps + 1), "multi"]:
                if random.random() < 0.97:
                    rows.append({"ID": at, "key": f"{steps}steps_{step}", "right": random.random() < share})
        random.shuffle(rows)
        if rows:
            yield {"rows": rows, "metrics": wemath(pandas.DataFrame(rows))}


def soft_overlong(length, most, cache):
    """DAPO's punishment of a response of `length`, from -1 to 0; a response may have `most`, and `most - cache` free of it."""
    if length <= most - cache:
        return 0.0
    if length <= most:
        return ((most - cache) - length) / cache
    return -1.0


def repetition(text, n):
    """The share of n-grams of words that are not new: what the repetition penalty multiplies its most with."""
    words = text.lower().split()
    grams = list(zip(*(words[at:] for at in range(n))))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def lengths(random):
    for _ in range(400):
        vocabulary = random.sample(WORDS[:6] + ["Straße", "über", "12", "so", "we", "go", "on,"], random.randint(1, 8))
        words = [random.choice(vocabulary) for _ in range(random.choice([0, 1, 3, 10, 40, 120]))]
        # Loops at the end, as models write them.
        if words and random.random() < 0.5:
            words += words[-random.randint(1, 8) :] * random.randint(1, 20)
        text = "".join(word + random.choice([" ", "\n", "  "]) for word in words)
        most = random.choice([1, 20, 50, 100, 300, max(1, int(len(words) * random.uniform(0.9, 1.4)))])
        cache = random.randint(0, most)
        if not cache and len(words) == most:
            continue
        n, free = random.choice([1, 2, 3, 4, 8, 20]), random.choice([0, 0.2, 0.5])
        yield {
            "response": text,
            "params": {"unit": "words", "max_length": most, "buffer": cache, "ngram": n, "free_repetition": free},
            "overlong": -soft_overlong(len(words), most, cache),
            "repetition": max(0.0, (repetition(text, n) - free) / (1 - free)),
        }


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


write(PLUGINS / "text/tests/fixtures/peer.jsonl", texts(random.Random(20261122)))
write(PLUGINS / "bbox/tests/fixtures/peer.jsonl", boxes(random.Random(20261122)))
write(PLUGINS / "detection/tests/fixtures/peer.jsonl", detections(random.Random(20261122)))
write(PLUGINS / "point/tests/fixtures/peer.jsonl", [*masks(random.Random(1)), *matchings(random.Random(2))])
write(PLUGINS / "chart/tests/fixtures/peer.jsonl", charts(random.Random(20261122)))
write(PLUGINS / "format/tests/fixtures/peer.jsonl", schemas(random.Random(20261122)))
write(PLUGINS / "length/tests/fixtures/peer.jsonl", lengths(random.Random(20261122)))
write(PLUGINS / "wemath/tests/fixtures/peer.jsonl", benchmarks(random.Random(20261122)))
