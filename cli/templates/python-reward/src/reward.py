"""A reward plugin: it judges one response at a time."""

from rlhost import Sample

# The names of the parts that a verdict may have; without this line it may have any.
PARTS = ["accuracy"]
# What the parameters are for: the function's arguments that have a default.
PARAMS = {"ignore_case": "Treat upper and lower case as the same."}


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: object,
    extra_info: object = None,
    *,
    sample: Sample,
    ignore_case: bool = False,
) -> dict[str, float]:
    """The function to edit: 1 where the response contains the reference answer.

    A wrong response is a low score. No judgement is an exception, such as those of `rlhost`, or None.
    """
    answer = sample.answer_text()
    response = solution_str
    if ignore_case:
        answer = answer.lower()
        response = response.lower()
    accuracy = 1.0 if answer in response else 0.0
    return {"score": accuracy, "accuracy": accuracy}
