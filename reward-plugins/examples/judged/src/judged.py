"""Whether an answer in free words means the reference: a judge says so where the words differ."""

from componentize_py_types import Err
from rlhost import Abstain, Sample
from wit_world.imports import judge, types

PARTS = ["asked"]
PARAMS = {"instruction": "What the judge is told to do."}

INSTRUCTION = "You compare an answer with the right one. Say yes if they mean the same, else no. Say nothing else."


def compute_score(solution_str: str, ground_truth: object, *, sample: Sample, instruction: str = INSTRUCTION) -> dict[str, float]:
    right = sample.answer_text()
    if plain(solution_str) == plain(right):
        # Whoever need not be asked is not asked.
        return {"score": 1.0, "asked": 0.0}
    question = "\n".join(message.text for message in sample.prompt)
    said = ask(instruction, f"Question: {question}\nRight answer: {right}\nAnswer: {solution_str}")
    verdict = plain(said)
    if verdict not in ("yes", "no"):
        # A zero would be learned from.
        raise Abstain(f"the judge says neither yes nor no: {said[:100]}")
    return {"score": float(verdict == "yes"), "asked": 1.0}


def ask(instruction: str, text: str) -> str:
    messages = [message("system", instruction), message("user", text)]
    try:
        return judge.ask(judge.Request(messages, [], 8))
    except Err as error:
        raise Abstain(f"no answer of the judge: {getattr(error.value, 'value', None) or type(error.value).__name__}") from None


def message(role: str, text: str) -> types.Message:
    return types.Message(role, [types.ContentPart_Text(text)])


def plain(text: str) -> str:
    return text.strip().strip(".!").lower()
