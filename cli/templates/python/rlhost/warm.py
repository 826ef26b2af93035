"""Calls the reward function some times while the plugin is built, so that the libraries behind it have their tables and caches filled.

A library such as Math-Verify compiles hundreds of patterns and builds a parser when it is first asked, which takes thirty times as much fuel as an
answer later. Every score has an instance of its own, and would pay for that again. What the calls leave in the plugin's own files is put
back as it was; the packages keep what they have built.
"""

import copy
import random
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from . import build

#: Responses with references, in the forms that answers have.
SAMPLES = [
    ("<think>Half of it.</think> So the answer is $\\boxed{\\frac{1}{2}}$.", "$\\frac{1}{2}$"),
    ("<think>\n3 + 9\n</think>\n<answer>\n12\n</answer>", "12"),
    ("The sum is 3 + 9 = 12.\n#### 12", "13"),
    ("**B**. The answer is \\boxed{\\text{(B)}}", "B"),
    ("\\[x = \\frac{-1 \\pm \\sqrt{5}}{2}\\] so $x \\in \\boxed{\\{2\\sqrt{3}, -0.5\\}}$", "\\boxed{\\{-\\frac{1}{2}, \\sqrt{12}\\}}"),
    ("<answer>$1,250.50$ or 25\\%</answer>", "1250.5"),
]
#: Formulas, each a response's and a reference.
FORMULAS = r"""
(x+1)^2                     x^2 + 2x + 1
\frac{x+1}{x-1}             1+\frac{2}{x-1}
3\frac{1}{2}                -\frac{7}{2}
\sqrt[3]{27} + \sqrt{2}     3 + \sqrt 2
3 \times 10^{8}             300000000
[1, 3) \cup (5, \infty)     (-\infty, 2]
(1, -2)                     \left(1, -2\right)
\{1, 2, 3\}                 \left\{3, 2, 1\right\}
y = 2x - \pi                2x - y = \pi
x < 3                       x \le 3
|x - 2| < 3                 -1 < x < 5
x = 1, y = 2                x = 1 \text{ or } x = -2
\sin x + \cos(2y)           \tan^2\theta
\log_2 8 + \ln e            4
2^{n+1} - n!                \binom{n}{2}
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}    \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}
35^\circ                    35
12\text{ cm}                12 \mathrm{~cm^2}
\$12.50                     12.5
25\%                        0.25
0.\overline{3}              \dfrac13
-0.125                      1{,}250.75
3 + 2i                      e^{i\pi}
4 \cdot 5 \div 2            10
a_1 + a_2                   \sum_{k=1}^{n} k
\pi r^2                     \tfrac{4}{3}\pi r^3
2:3                         \text{Tuesday}
3 \pm \sqrt{2}              2 \pm \sqrt{3}
\infty                      \emptyset
\text{yes}                  \text{no}
"""
for _line in FORMULAS.strip().splitlines():
    _one, _other = re.split(r" {4,}", _line)
    SAMPLES += [(f"So it is \\boxed{{{_one}}}.", f"${_other}$"), (f"The answer is ${_other}$.", _one)]
#: So often each is judged: Python makes the code that it runs faster after some calls.
TIMES = 2


def up(judge: Callable[[str, str], Any]) -> None:
    """Judges the samples. What goes wrong with them is no matter here."""
    own = [module for module in list(sys.modules.values()) if build.is_own(getattr(module, "__file__", None) or "")]
    holders: list[Any] = [*own, *(it for module in own for it in vars(module).values() if is_class_of(it, module))]
    before = [(it, dict(vars(it)), {name: saved(value) for name, value in vars(it).items()}) for it in holders]
    chance = random.getstate()
    for _ in range(TIMES):
        for response, answer in SAMPLES:
            judge(response, answer)
    random.setstate(chance)
    for holder, names, values in before:
        for name in [it for it in vars(holder) if it not in names]:
            delattr(holder, name)
        for name, value in names.items():
            put_back(holder, name, value, values[name])


def is_class_of(thing: Any, module: types.ModuleType) -> bool:
    return isinstance(thing, type) and thing.__module__ == module.__name__


#: Data that can be put back, as the tables and counters of a file are.
PLAIN = (list, dict, set, bytearray, int, float, str, tuple, type(None))


def saved(value: Any) -> Any:
    """A copy of plain data; of anything else nothing."""
    if not isinstance(value, PLAIN):
        return None
    try:
        return copy.deepcopy(value)
    except Exception:
        return None


def put_back(holder: Any, name: str, value: Any, copied: Any) -> None:
    if name.startswith("__"):
        return
    if isinstance(value, list | bytearray) and copied is not None:
        value[:] = copied
    elif isinstance(value, dict | set) and copied is not None:
        value.clear()
        value.update(copied)
    if vars(holder).get(name) is not value:
        setattr(holder, name, value)
