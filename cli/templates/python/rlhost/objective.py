"""Between the contract (wit/algorithm.wit) and an algorithm's functions `policy_loss` and `advantage`."""

import json
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.exports import objective as wit
from wit_world.imports import types

from . import Failure, build, call, parameters
from .algorithm import AdvantageInput, LossInput, LossOutput, Rows, Totals


def objective(about: dict[str, Any], notes: list[str]) -> type:
    """The class that the component exports, for the file that plugin.toml names."""
    file = about["python"]["file"]
    module = build.load(file, ["policy_loss", "advantage"], notes)
    loss, advantage = (getattr(module, name, None) for name in ("policy_loss", "advantage"))
    if loss is None and advantage is None:
        raise build.Refused(f"src/{file} has neither a function `policy_loss` nor a function `advantage`")
    scope = getattr(module, "LOSS_SCOPE", "row")
    if scope not in ("row", "batch"):
        raise build.Refused(f'src/{file}: LOSS_SCOPE must be "row" or "batch"')
    needs = build.declared(module, "NEEDS", tuple, ())
    known = {need.name.lower(): need for need in wit.Input}
    for name in needs:
        if name not in known:
            raise build.Refused(f'src/{file}: NEEDS has "{name}", which is none of {", ".join(known)}')
    of_loss, of_advantage = params(loss, 2, file), params(advantage, 1, file)
    docs = build.declared(module, "PARAMS", dict, {})
    described = parameters.described(of_advantage | of_loss, docs)
    provided = [name for name, function in (("policy_loss", loss), ("advantage", advantage)) if function]
    notes.insert(0, f"src/{file} provides {' and '.join(provided)}")

    class Objective:
        def describe(self) -> wit.AlgorithmInfo:
            infos = [types.ParamInfo(*param) for param in described]
            loss_scope = wit.LossScope[scope.upper()] if loss else None
            wanted = [known[name] for name in needs]
            return wit.AlgorithmInfo(
                about["name"], about["version"], about["description"], advantage is not None, loss_scope, wanted, infos
            )

        def advantage(self, input: wit.AdvantageInput, params: str) -> wit.Advantages:
            mine = AdvantageInput(
                rows(input.rows), input.rewards, input.groups, list(input.kept), input.values, input.baselines
            )
            made = called(advantage, [mine], params, of_advantage)
            return wit.Advantages(floats("advantages", made.advantages), floats("returns", made.returns))

        def policy_loss(self, input: wit.LossInput, totals: wit.Totals, params: str) -> wit.LossOutput:
            mine = LossInput(
                rows(input.rows), input.logp, input.old_logp, input.advantages, input.ref_logp, input.rollout_logp,
                input.entropy, None if input.prefix_mask is None else list(input.prefix_mask), input.row_scores,
                input.target_logp, input.seed,
            )  # fmt: skip
            made = called(loss, [mine, Totals(**vars(totals))], params, of_loss)
            if not isinstance(made, LossOutput):
                raise Err(f"policy_loss returned {call.short(made)}, which is no LossOutput")
            d_entropy = None if made.d_entropy is None else floats("d_entropy", made.d_entropy)
            metrics = [(name, float(value)) for name, value in made.metrics.items()]
            return wit.LossOutput(floats("loss", [made.loss])[0], floats("d_logp", made.d_logp), d_entropy, metrics)

    return Objective


def rows(given: wit.Rows) -> Rows:
    return Rows(given.offsets, list(given.mask))


def floats(name: str, values: Any) -> list[float]:
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise Err(f"{name} is not of numbers: {error}") from None


def params(function: Callable[..., Any] | None, inputs: int, file: str) -> dict[str, Any]:
    """The parameters of a function: its arguments behind the first ones, with their defaults."""
    if function is None:
        return {}
    rest = list(parameters.signature(function).parameters.values())[inputs:]
    for argument in rest:
        if not parameters.is_parameter(argument):
            raise build.Refused(
                f"src/{file}: the argument `{argument.name}` of {function.__name__} needs a default that JSON can write: it is a parameter"
            )
    return {argument.name: argument.default for argument in rest}


def called(function: Callable[..., Any] | None, inputs: list[Any], text: str, defaults: dict[str, Any]) -> Any:
    """What a function returns; an exception says why there is no result, and ends the run."""
    if function is None:
        raise Err("the algorithm does not provide this function")
    try:
        given = {name: value for name, value in json.loads(text).items() if name in defaults}
        return function(*inputs, **{name: parameters.read(name, defaults[name], value) for name, value in given.items()})
    except Failure as failure:
        raise Err(str(failure)) from None
    except BaseException as error:
        raise Err(call.told(error)) from None
