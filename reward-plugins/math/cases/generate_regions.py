"""Writes regions.jsonl: sets of real numbers in two spellings, and whether SymPy finds them equal.

    pip install sympy==1.14.0
    python generate_regions.py > regions.jsonl

Ends are halves and square roots. A pair is the same set spelt in another way, or one that differs in an end, in whether an end belongs to
it, or in a point; what they are worth is decided by SymPy's sets alone.
"""

import json
import random

from sympy import EmptySet, FiniteSet, Interval, Rational, S, Union, oo, sqrt

ENDS = [Rational(n, 2) for n in range(-6, 7)] + [sqrt(2), sqrt(3), -sqrt(2), sqrt(5) / 2]


def latex(value):
    if value in (oo, -oo):
        return "\\infty" if value == oo else "-\\infty"
    text = {sqrt(2): "\\sqrt{2}", sqrt(3): "\\sqrt{3}", -sqrt(2): "-\\sqrt{2}", sqrt(5) / 2: "\\frac{\\sqrt{5}}{2}"}.get(value)
    if text:
        return text
    return str(value.p) if value.q == 1 else f"{'-' if value < 0 else ''}\\frac{{{abs(value.p)}}}{{{value.q}}}"


def pieces(region):
    return list(region.args) if isinstance(region, Union) else [region]


def bracket(piece):
    if isinstance(piece, FiniteSet):
        return "\\{" + ", ".join(latex(x) for x in sorted(piece.args)) + "\\}"
    low = "(" if piece.left_open or piece.start == -oo else "["
    high = ")" if piece.right_open or piece.end == oo else "]"
    return f"{low}{latex(piece.start)}, {latex(piece.end)}{high}"


def inequality(piece):
    low = "<" if piece.left_open else "\\le"
    high = "<" if piece.right_open else "\\le"
    if piece.start == -oo:
        return f"x {high} {latex(piece.end)}"
    if piece.end == oo:
        return f"x {'>' if piece.left_open else chr(92) + 'ge'} {latex(piece.start)}"
    return f"{latex(piece.start)} {low} x {high} {latex(piece.end)}"


def spelt(region, chance):
    parts = pieces(region)
    chance.shuffle(parts)
    if region == S.Reals:
        return "\\mathbb{R}"
    intervals = all(isinstance(part, Interval) for part in parts)
    way = chance.randrange(5)
    outside = S.Reals - region
    if way == 0 and intervals:
        return " \\text{ or } ".join(inequality(part) for part in parts)
    if way == 1 and isinstance(outside, FiniteSet):
        return f"\\mathbb{{R}} \\setminus {bracket(outside)}"
    if way == 2 and isinstance(outside, FiniteSet):
        return " \\text{ and } ".join(f"x \\ne {latex(x)}" for x in outside.args)
    if way == 3 and intervals and len(parts) == 1:
        return f"\\{{x \\mid {inequality(parts[0])}\\}}"
    if way == 4 and isinstance(parts[0], Interval) and parts[0].start.is_finite and parts[0].end.is_finite:
        # One piece as two that meet or overlap.
        piece, middle = parts[0], (parts[0].start + parts[0].end) / 2
        if middle in ENDS:
            left = Interval(piece.start, middle, piece.left_open, False)
            parts = [left, Interval(middle, piece.end, True, piece.right_open), *parts[1:]]
    return " \\cup ".join(bracket(part) for part in parts)


def random_region(chance):
    if chance.random() < 0.2:
        return S.Reals - FiniteSet(*chance.sample(ENDS, chance.randint(1, 2)))
    region = EmptySet
    for _ in range(chance.randint(1, 3)):
        low, high = sorted(chance.sample(ENDS, 2))
        low, high = chance.choice([(low, high), (low, high), (-oo, high), (low, oo)])
        region = region + Interval(low, high, chance.random() < 0.5, chance.random() < 0.5)
    return region


def changed(region, chance):
    """Nearly the same: an end more or less, a point more or less."""
    ends = [x for piece in pieces(region) for x in piece.boundary]
    point = FiniteSet(chance.choice(ends if ends and chance.random() < 0.7 else ENDS))
    return region - point if point.is_subset(region) else region + point


def main():
    chance = random.Random(20261122)
    seen = set()
    while len(seen) < 240:
        region = random_region(chance)
        other = region if chance.random() < 0.5 else changed(region, chance)
        if any(set_ in (EmptySet, S.Reals) for set_ in (region, other)):
            continue
        answer, response = spelt(region, chance), spelt(other, chance)
        if answer == response or (answer, response) in seen:
            continue
        seen.add((answer, response))
        row = {"answer": answer, "response": f"\\boxed{{{response}}}", "expect": {"score": int(region == other)}}
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
