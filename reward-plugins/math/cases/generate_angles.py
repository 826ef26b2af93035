"""Writes angles.jsonl: sines, cosines, tangents, their inverses and points of the unit circle at multiples of π/12, with SymPy's values.

    pip install sympy==1.14.0
    python generate_angles.py > angles.jsonl

Each value stands against that of the angle asked for, and against that of another angle where SymPy finds the two to differ.
"""

import json

import sympy as sp


def row(answer, response, equal):
    print(json.dumps({"answer": answer, "response": f"\\boxed{{{response}}}", "expect": {"score": int(equal)}}))


def radical(value):
    return sp.latex(sp.radsimp(sp.simplify(sp.sqrtdenest(value))))


def main():
    functions = {"\\sin": sp.sin, "\\cos": sp.cos, "\\tan": sp.tan}
    for name, function in functions.items():
        for k in range(24):
            angle, other = sp.pi * k / 12, sp.pi * (k + 5) / 12
            value, wrong = function(angle), function(other)
            if not value.is_finite or not wrong.is_finite:
                continue
            asked = f"{name} {15 * k}^\\circ" if k % 2 else f"{name}\\left({sp.latex(angle)}\\right)"
            row(radical(value), asked, True)
            if sp.simplify(value - wrong) != 0:
                row(radical(wrong), asked, False)
    inverses = {"\\arcsin": sp.asin, "\\arccos": sp.acos, "\\arctan": sp.atan}
    values = [sp.Integer(0), sp.Rational(1, 2), sp.sqrt(2) / 2, sp.sqrt(3) / 2, sp.Integer(1), sp.sqrt(3), sp.sqrt(3) / 3]
    for name, function in inverses.items():
        for value in [*values, *[-value for value in values[1:]]]:
            angle = function(value)
            if not angle.is_real or not angle.has(sp.pi) and angle != 0:
                continue
            asked = f"{name}\\left({sp.latex(value)}\\right)"
            row(sp.latex(angle), asked, True)
            row(sp.latex(angle + sp.pi), asked, False)
            row(sp.latex(-angle - sp.pi / 12), asked, False)
    for k in range(1, 24):
        angle = sp.pi * k / 12
        value = sp.expand_complex(sp.exp(sp.I * angle))
        asked = f"e^{{{sp.latex(sp.I * angle)}}}"
        row(sp.latex(sp.expand(value)), asked, True)
        row(sp.latex(sp.expand(sp.conjugate(value))), asked, sp.simplify(value - sp.conjugate(value)) == 0)


if __name__ == "__main__":
    main()
