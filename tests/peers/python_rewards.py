"""What CPython scores with the rewards of tests/fixtures/rewards/maths, which use mathruler and Math-Verify: writes pairs.jsonl there, which
ordinary tests hold the components' scores to; and what the package Levenshtein finds for pairs of texts: levenshtein.jsonl.

    python3.13 -m venv target/bench/rewards
    target/bench/rewards/bin/pip install math-verify==0.9.0 mathruler==0.1.0 pylatexenc==2.11 sympy==1.14.0 tqdm==4.70.1 Levenshtein==0.27.3
    target/bench/rewards/bin/python tests/peers/python_rewards.py

It takes CPython 3.12 or later, as in the sandbox: with its tokenizer, sympy reads some texts that earlier ones refuse, so that mathruler
takes 3±√2 for 2±√3.

The pairs are of the math verifier's corpus: every sixth one with a box, and every thirtieth without. Each function is called as its own framework calls it.
"""

import importlib.util
import json
import random
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REWARDS = ROOT / "tests/fixtures/rewards/maths"
CORPUS = ROOT / "reward-plugins/math/cases/corpus"
BOXED, OTHER, COSINE = 6, 30, 8


def load(name):
    """A file of rewards, inside of a package whose other modules say that Math-Verify is there."""
    package = types.ModuleType("published")
    package.__path__ = []
    inner = types.ModuleType("published.rewards")
    inner.__path__ = []
    names = {
        "published.import_utils": {"is_math_verify_available": lambda: True},
        "published.rewards.utils": {"is_e2b_available": lambda: False},
        "published.rewards.utils.code_providers": {"get_provider": None},
    }
    sys.modules |= {"published": package, "published.rewards": inner}
    for module, content in names.items():
        made = types.ModuleType(module)
        made.__path__ = []
        vars(made).update(content)
        sys.modules[module] = made
    spec = importlib.util.spec_from_file_location(f"published.rewards.{name}", REWARDS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

assert sys.version_info >= (3, 12), "CPython 3.12 or later"


def main():
    geo3k, easyr1, trl, openr1 = map(load, ["geo3k", "easyr1_math", "trl_accuracy", "openr1_accuracy"])
    cosine = openr1.get_cosine_scaled_reward(max_len=200)
    rows = [json.loads(line) for file in sorted(CORPUS.glob("*.jsonl")) for line in file.read_text().splitlines()]
    with (REWARDS / "pairs.jsonl").open("w") as out:
        boxed = [row for row in rows if "\\boxed" in row["response"]]
        others = [row for row in rows if "\\boxed" not in row["response"]]
        for index, row in enumerate(boxed[::BOXED] + others[::OTHER]):
            response, answer = row["response"], row["answer"]
            if not isinstance(response, str) or not isinstance(answer, str):
                continue
            solution = answer if "$" in answer else f"${answer}$"
            said = [[{"role": "assistant", "content": response}]]
            reward_input = {"response": response, "response_length": 0, "ground_truth": answer}
            scores = {
                "geo3k": geo3k.compute_score(response, answer),
                "easyr1_math": easyr1.compute_score([reward_input])[0],
                "trl_accuracy": trl.accuracy_reward(said, [solution])[0],
                "openr1_accuracy": openr1.accuracy_reward(said, [solution])[0],
            }
            if index % COSINE == 0:
                scores["openr1_cosine"] = cosine(said, [solution])[0]
            line = {"response": response, "answer": answer, "solution": solution, "cpython": scores}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")

    import Levenshtein

    chance = random.Random(7)
    texts = ["", "a", "red apple", "red apples", "kitten", "sitting", "MARTHA", "MARHTA", "DIXON", "DICKSONX", "ü漢字", "字漢u"]
    texts += ["".join(chance.choices("abcd ", k=chance.randrange(1, 70))) for _ in range(24)]
    with (REWARDS / "levenshtein.jsonl").open("w") as out:
        for a, b in zip(texts, texts[1:] + texts[:1]):
            for one, other in ((a, b), (b, a), (a, a)):
                names = ("distance", "ratio", "hamming", "jaro", "jaro_winkler")
                found = {name: getattr(Levenshtein, name)(one, other) for name in names}
                out.write(json.dumps({"texts": [one, other], "found": found}, ensure_ascii=False) + "\n")


main()
