"""Writes sympy.jsonl: golden cases, pairs of expressions with the verdict of SymPy, the outside reference.

    pip install sympy==1.14.0
    python generate_sympy.py > sympy.jsonl

Equal pairs are an expression and another form of it (expanded, factored, simplified, rationalised, …);
unequal pairs are an expression and one with a changed number or sign, which SymPy finds to differ
at numeric points by more than 1e-9.
"""

import json
import random

import sympy as sp
from sympy import I, Rational, exp, latex, log, pi, sqrt

random.seed(20261121)
x, y, z, n = sp.symbols("x y z n")
positive = sp.symbols("a b", positive=True)


def number(low=-9, high=9):
    while True:
        value = Rational(random.randint(low, high), random.choice([1, 1, 2, 3, 4, 5, 7, 12]))
        if value != 0:
            return value


def rational():
    a, b, c = number(-99, 99), number(1, 99), number(1, 20)
    return sp.Add(a, sp.Mul(b, c, evaluate=False), evaluate=False)


def radical():
    p, q, r = (random.choice([2, 3, 5, 6, 7, 8, 12, 18, 20, 27, 50]) for _ in range(3))
    form = random.randrange(6)
    if form == 0:
        return sp.Mul(number(), sqrt(p, evaluate=False), evaluate=False) + number() * sqrt(q)
    if form == 1:
        return (number() + sqrt(p)) * (number() - sqrt(q))
    if form == 2:
        return (number() + sqrt(p)) / (7 + number(1, 3) * sqrt(q))
    if form == 3:
        return sp.Pow(p * q, Rational(1, 3), evaluate=False) + number()
    if form == 4:
        return (1 + sqrt(p)) ** random.randint(2, 4)
    return sqrt(p) * sqrt(q) * sqrt(r) * number()


def polynomial():
    form = random.randrange(4)
    a, b, c = number(), number(), number()
    if form == 0:
        return (x + a) * (x + b) * (x + c)
    if form == 1:
        return (a * x + b * y) ** random.randint(2, 4)
    if form == 2:
        return (x + a * y + b) * (x - c * z)
    return a * x**3 + b * x * (x - c) + c * (x + 1) ** 2


def fraction():
    a, b, c = number(), number(), number()
    form = random.randrange(4)
    if form == 0:
        return 1 / (x + a) + b / (x - c)
    if form == 1:
        return (x**2 - a**2) / (x * y + b)
    if form == 2:
        return a / x + b / y + c / (x * y)
    return (x + a) / (x**2 + b**2) - c * x


def constant():
    a, b, c = number(), number(), number()
    return random.choice(
        [a * pi + b, (a + pi) * (b - pi), a * sp.E + b * pi * sp.E, (a + b * I) * (c - I), (a + I) / (b + c * I), sqrt(8 * pi) * a]
    )


def exponential():
    a, b = random.randint(1, 5), random.randint(-4, 4)
    return random.choice(
        [exp(a * x + b), exp(a * x) * exp(b * y), 2 ** (a * n + b), log(2**a * 3) + log(5), x ** (n + a), exp(x) ** a + b]
    )


def equal_form(value, kind):
    forms = {
        "rational": [lambda v: v.doit(), lambda v: sp.nsimplify(v)],
        "radical": [sp.radsimp, sp.expand, lambda v: sp.expand(sp.radsimp(v)), sp.simplify],
        "polynomial": [sp.expand, sp.factor, lambda v: sp.collect(sp.expand(v), x), sp.horner],
        "fraction": [sp.together, sp.apart_or_same, sp.cancel, sp.factor],
        "constant": [sp.expand, sp.simplify, sp.radsimp],
        "exponential": [sp.expand, sp.powsimp, lambda v: sp.expand_log(v, force=True), sp.simplify],
    }[kind]
    return random.choice(forms)(value)


def apart_or_same(value):
    return sp.apart(value, x) if not value.has(y, z) else sp.together(value)


sp.apart_or_same = apart_or_same


def difference(a, b):
    """The largest difference at a few numeric points."""
    largest = 0
    for point in ((Rational(37, 99), Rational(191, 99), Rational(273, 98), 3), (Rational(113, 99), Rational(29, 97), Rational(157, 99), 5)):
        values = dict(zip((x, y, z, n), point))
        largest = max(largest, abs(sp.N((a - b).subs(values), 30)))
    return largest


def changed(value):
    """The same expression with one of its numbers changed, or its sign."""
    atoms = [atom for atom in sorted(value.atoms(sp.Rational), key=str) if abs(atom) < 100]
    if atoms and random.random() < 0.8:
        old = random.choice(atoms)
        return value.replace(lambda e: e == old, lambda e: e + random.choice([1, -1, Rational(1, 10)]))
    return -value


kinds = {"rational": rational, "radical": radical, "polynomial": polynomial, "fraction": fraction, "constant": constant, "exponential": exponential}
for kind, make in kinds.items():
    for equal in (True, False):
        count = 0
        while count < 35:
            value = make()
            other = equal_form(value, kind) if equal else changed(value)
            if not (other.is_finite is not False and value.is_finite is not False) or other.has(sp.zoo, sp.nan):
                continue
            # The letters of SymPy's own output: no branch cuts of roots of negative numbers among them.
            apart = difference(value, other)
            if equal:
                assert apart < 1e-20, (value, other)
            elif not apart > 1e-9:
                continue
            left, right = latex(value), latex(other)
            if left == right:
                if equal and count >= 3:
                    continue
            count += 1
            case = {"kind": kind, "answer": left, "response": f"\\boxed{{{right}}}", "expect": {"score": int(equal)}}
            print(json.dumps(case))
