"""Between the contract (wit/plugin.wit) and a reward function."""

import json
import sys
from dataclasses import replace
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import types

from . import Abstain, Failure, InvalidReference, Message, Sample, Turn, build, call, parameters, wanted, warm


def reward(about: dict[str, Any], notes: list[str]) -> type:
    """The class that the component exports, for the function that plugin.toml names."""
    settings = about["python"]
    found = wanted.function(settings["function"], notes)
    try:
        plan = call.plan(found.function, found.source, settings)
    except call.Unclear as error:
        hint = wanted.hint(settings["function"], found)
        raise build.Refused(f"src/{settings['function'].split(':')[0]}: {error}{hint}") from None
    plan.remake = found.made
    plan.made_of = {name: default for name, default in found.params.items() if name not in plan.params}
    notes.insert(0, f"src/{settings['function']} is {plan.told()}")
    docs = build.declared(found.module, "PARAMS", dict, {})
    parts = list(build.declared(found.module, "PARTS", tuple, ()))
    params = parameters.described(plan.all_params(), docs)

    class Reward:
        def describe(self) -> types.PluginInfo:
            infos = [types.ParamInfo(name, doc, default) for name, doc, default in params]
            return types.PluginInfo(about["name"], about["version"], about["description"], types.Scope.SAMPLE, parts, infos)

        def score(self, samples: list[types.Sample]) -> list[Any]:
            # The first call empties it, and argparse looks for the program's name there.
            sys.argv = sys.argv or ["rlhost"]
            return [judged(plan, sample) for sample in samples]

    warm_calls(plan)
    if settings.get("warm", bool(settings.get("requires"))):
        warm.up(lambda response, answer: judged(plan, sample_of(plan, response, answer)))
    return Reward


def warm_calls(plan: call.Plan) -> None:
    """Judges a sample some times as scores do, with another function in the place of the plugin's own.

    Python makes the code that it runs faster, and fills caches. What is done while the plugin is built is in every
    instance from its first moment on, and needn't be done again for every score.
    """
    entry = {plan.convention.total: 1.0, "part": 0.5}
    returned = [entry] if plan.convention.lists else entry
    stand_in = replace(plan, function=lambda *_, **__: returned, made_of={})
    sample = sample_of(plan, "4", "4")
    for _ in range(40):
        judged(stand_in, sample)


def sample_of(plan: call.Plan, response: str, answer: str) -> types.Sample:
    """A sample to warm up with."""
    given = {name: default.like for name, default in plan.params.items() if isinstance(default, parameters.Needed)}
    return types.Sample(
        prompt=[types.Message("user", [types.ContentPart_Text("2 + 2 = ?")])],
        response=[types.Turn(response, types.FinishReason.STOP, 1)],
        answer=json.dumps(answer),
        data_source="",
        problem_type="",
        answer_type="",
        columns="{}",
        images=[],
        group=0,
        params=json.dumps(given),
    )


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
