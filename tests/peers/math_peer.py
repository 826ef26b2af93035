"""Judges cases of the math verifier with math-verify, for `cargo xtask bench`: python math_peer.py CASES

Reads `FIRST LAST` (places of cases, counted from 0, the second not included) from its input, a line each, and answers with a
line of JSON: for each of these cases `[score, microseconds]`. `read N` asks what it reads in case N: reference and response.

math-verify gets the whole response, as rewards built on it hand it over, and the reference in a box. Its extraction is its own for
LaTeX, plain expressions and strings (letters of choices, yes and no), boxes first: the setting that agreed best with the corpus of
those tried (the reference plain, in dollar signs or in a box; boxes first or at their usual place; with strings or without).
"""

import json
import logging
import sys
import time
from pathlib import Path

from math_verify import parse, verify
from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig

logging.disable(logging.CRITICAL)
STRINGS = (*"ABCDEFGHIJ", "yes", "no", "true", "false")
CONFIG = [LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig(), StringExtractionConfig(strings=STRINGS)]


def sides(case):
    return parse(f"\\boxed{{{case['answer']}}}", CONFIG), parse(case["response"], CONFIG)


def score(case):
    start = time.perf_counter()
    try:
        equal = verify(*sides(case))
    except Exception:
        equal = False
    return [int(equal), round((time.perf_counter() - start) * 1e6, 1)]


def main():
    files = sorted(Path(sys.argv[1]).glob("*.jsonl"))
    cases = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    # The first call compiles grammars and patterns.
    score(cases[0])
    for line in sys.stdin:
        first, last = line.split()
        if first == "read":
            answer = [str(side[0]) if side else "" for side in sides(cases[int(last)])]
        else:
            answer = [score(case) for case in cases[int(first) : int(last)]]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
