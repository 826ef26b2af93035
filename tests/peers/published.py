"""Rows for `rlhost score math` from solutions that others have published, to count right answers that are refused.

Each kind takes a file of a public repository and writes JSON lines with `id`, `response` and `answer`; none of these texts is kept here.

    published.py solutions data/math/test.jsonl            ZubinGou/math-evaluation-harness: the MATH test set; the reference is the
                                                           solution's own last box
    published.py chains math_cot_100.jsonl                 QwenLM/Qwen2.5-Math, evaluation/data/eval_rm_maj_example: a model's chains
                                                           that its authors scored as right
    published.py agents test_tora_….jsonl                  microsoft/ToRA, src/outputs/…/gsm8k: what follows the last program's output,
                                                           where its box is the reference
    published.py sentences example_model_solutions.jsonl   openai/grade-school-math: right solutions without their line `A: …`, where the
                                                           last number is the reference

    published.py solutions test.jsonl > rows.jsonl && rlhost score math --input rows.jsonl --output records.jsonl
"""

import json
import re
import sys

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def last_box(text):
    """What the last box of a text holds, or nothing."""
    at = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if at < 0:
        return None
    rest = text[at:].split("boxed" if text.startswith("\\boxed", at) else "fbox", 1)[1].lstrip(" ")
    if not rest.startswith("{"):
        return rest[:1]
    depth = 0
    for i, char in enumerate(rest):
        if char in "{}" and rest[i - 1] != "\\":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return rest[1:i]
    return None


def value(text):
    """A text as a number, or nothing."""
    try:
        return float(text.replace(",", "").replace("$", "").replace("\\", ""))
    except ValueError:
        return None


def solutions(row):
    answer = last_box(row["solution"])
    if answer is not None:
        yield row["solution"], answer


def chains(row):
    for text, right in zip(row["code"], row["score"]):
        if right:
            yield text, row["gt"]


def agents(row):
    for text, found in zip(row["code"], row["pred"]):
        text = text.split("```")[-1].strip()
        if "\\boxed" in text and value(found) is not None and value(found) == value(row["gt"]):
            yield text, row["gt"]


def sentences(row):
    answer = row["ground_truth"].split("A:")[-1].strip()
    for given in row.values():
        if isinstance(given, dict) and given["is_correct"]:
            text = re.sub(r"<<.*?>>", "", given["solution"].rpartition("\nA:")[0])
            numbers = NUMBER.findall(text.split("\n")[-1])
            if numbers and value(numbers[-1]) == value(answer):
                yield text, answer


def main():
    read = {kind.__name__: kind for kind in (solutions, chains, agents, sentences)}[sys.argv[1]]
    with open(sys.argv[2], encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            for index, (response, answer) in enumerate(read(json.loads(line))):
                row = {"id": f"{number}.{index}", "response": response, "answer": answer}
                print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
