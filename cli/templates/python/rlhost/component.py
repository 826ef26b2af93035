"""Between the contract (wit/plugin.wit) and a reward function."""

import sys
from dataclasses import replace
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import types

from . import Abstain, Failure, InvalidReference, Message, Sample, Turn, build, call, parameters


def reward(about: dict[str, Any], notes: list[str]) -> type:
    """The class that the component exports, for the function that plugin.toml names."""
    settings = about["python"]
    function, module, source = build.function(settings["function"], notes)
    try:
        plan = call.plan(function, source, settings)
    except call.Unclear as error:
        raise build.Refused(f"src/{settings['function'].split(':')[0]}: {error}") from None
    notes.insert(0, f"src/{settings['function']} is {plan.told()}")
    docs = build.declared(module, "PARAMS", dict, {})
    parts = list(build.declared(module, "PARTS", tuple, ()))
    params = parameters.described(plan.params, docs)

    class Reward:
        def describe(self) -> types.PluginInfo:
            infos = [types.ParamInfo(name, doc, default) for name, doc, default in params]
            return types.PluginInfo(about["name"], about["version"], about["description"], types.Scope.SAMPLE, parts, infos)

        def score(self, samples: list[types.Sample]) -> list[Any]:
            # The first call empties it, and argparse looks for the program's name there.
            sys.argv = sys.argv or ["rlhost"]
            return [judged(plan, sample) for sample in samples]

    warm(plan)
    return Reward


def warm(plan: call.Plan) -> None:
    """Judges a sample some times as scores do, with another function in the place of the plugin's own.

    Python makes the code that it runs faster, and fills caches. What is done while the plugin is built is in every
    instance from its first moment on, and needn't be done again for every score.
    """
    entry = {plan.convention.total: 1.0, "part": 0.5}
    returned = [entry] if plan.convention.lists else entry
    stand_in = replace(plan, function=lambda *_, **__: returned)
    sample = types.Sample(
        prompt=[types.Message("user", [types.ContentPart_Text("2 + 2 = ?")])],
        response=[types.Turn("4", types.FinishReason.STOP, 1)],
        answer='"4"',
        data_source="",
        problem_type="",
        answer_type="",
        columns="{}",
        images=[],
        group=0,
        params="{}",
    )
    for _ in range(40):
        judged(stand_in, sample)


def judged(plan: call.Plan, sample: types.Sample) -> Any:
    """The result of one sample."""
    try:
        total, parts = call.judge(plan, received(sample))
    except Failure as failure:
        kind = {InvalidReference: types.Failure_InvalidReference, Abstain: types.Failure_Abstain}
        made = kind.get(type(failure), types.Failure_Internal)
        message = str(failure).encode("utf-8", "replace").decode()
        return Err(made(message))
    named = [(name.encode("utf-8", "replace").decode(), value) for name, value in parts]
    return Ok(types.Verdict(total, named, []))


def received(sample: types.Sample) -> Sample:
    """A sample as the plugin sees it."""
    return Sample(
        prompt=[Message(message.role, [part.value for part in message.content]) for message in sample.prompt],
        turns=[Turn(turn.text, turn.finish_reason.name.lower(), turn.tokens) for turn in sample.response],
        answer_json=sample.answer,
        data_source=sample.data_source,
        problem_type=sample.problem_type,
        answer_type=sample.answer_type,
        columns_json=sample.columns,
        params_json=sample.params,
        images=sample.images,
    )
