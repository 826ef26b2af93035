"""Between the contract (wit/plugin.wit) and a reward function."""

import ast
import json
import sys
from dataclasses import replace
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import types

from . import Abstain, Failure, InvalidReference, Message, Sample, Turn, build, call, parameters, source, wanted, warm


def reward(about: dict[str, Any], notes: list[str]) -> type:
    """The class that the component exports, for the function that plugin.toml names."""
    settings = about["python"]
    found = wanted.function(settings["function"], notes)
    try:
        plan = call.plan(found.function, found.source, settings, about["scope"])
    except call.Unclear as error:
        hint = wanted.hint(settings["function"], found)
        raise build.Refused(f"src/{settings['function'].split(':')[0]}: {error}{hint}") from None
    plan.remake = found.made
    plan.made_of = {name: default for name, default in found.params.items() if name not in plan.params}
    notes.insert(0, f"src/{settings['function']} is {plan.told()}")
    if plan.convention.lists and plan.scope == "sample":
        notes += compared(settings["function"].split(":")[0], found, plan)
    docs = build.declared(found.module, "PARAMS", dict, {})
    parts = list(build.declared(found.module, "PARTS", tuple, ()))
    params = parameters.described(plan.all_params(), docs)

    scope = {"group": types.Scope.GROUP, "batch": types.Scope.BATCH}.get(plan.scope, types.Scope.SAMPLE)

    class Reward:
        def describe(self) -> types.PluginInfo:
            infos = [types.ParamInfo(name, doc, default) for name, doc, default in params]
            return types.PluginInfo(about["name"], about["version"], about["description"], scope, parts, infos)

        def score(self, samples: list[types.Sample]) -> list[Any]:
            # The first call empties it, and argparse looks for the program's name there.
            sys.argv = sys.argv or ["rlhost"]
            return judged(plan, samples)

    warm_calls(plan)
    if settings.get("warm", bool(settings.get("requires"))):
        warm.up(lambda response, answer: judged(plan, [sample_of(plan, response, answer)]))
    return Reward


def compared(file: str, found: wanted.Wanted, plan: call.Plan) -> list[str]:
    """A warning of a function that looks at several responses at once, and gets one."""
    lists = {name for name, field in plan.fields.items() if field in call.RESPONSE_FIELDS}
    line = source.compares(ast.parse(found.source), call.called(found.function), lists)
    if line is None:
        return []
    return [
        f"warning: src/{file}, line {line}: the function seems to compare responses with each other, and gets one at a time: "
        '`scope = "group"` under `[plugin]` in plugin.toml gives it all completions of a prompt, "batch" those of a training step'
    ]


def warm_calls(plan: call.Plan) -> None:
    """Judges a sample some times as scores do, with another function in the place of the plugin's own.

    Python makes the code that it runs faster, and fills caches. What is done while the plugin is built is in every
    instance from its first moment on, and needn't be done again for every score.
    """
    entry = {plan.convention.total: 1.0, "part": 0.5}
    returned = [entry] if plan.convention.lists else entry
    stand_in = replace(plan, function=lambda *_, **__: returned, made_of={})
    samples = [sample_of(plan, "4", "4")]
    for _ in range(40):
        judged(stand_in, samples)


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


def judged(plan: call.Plan, samples: list[types.Sample]) -> list[Any]:
    """The results of a call's samples."""
    return [result(it) for it in call.judge_all(plan, [received(sample) for sample in samples])]


def result(judged: call.Judged) -> Any:
    """The result of one sample, as the contract has it."""
    if isinstance(judged, Failure):
        kind = {InvalidReference: types.Failure_InvalidReference, Abstain: types.Failure_Abstain}
        made = kind.get(type(judged), types.Failure_Internal)
        message = str(judged).encode("utf-8", "replace").decode()
        return Err(made(message))
    total, parts = judged
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
        group=sample.group,
    )
