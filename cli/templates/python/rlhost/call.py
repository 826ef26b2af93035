"""Calls a reward function the way its own framework calls it, and reads what it returns.

Which framework that is shows in the names of the function's arguments:

    veRL            data_source, solution_str, ground_truth, extra_info
    veRL, batches   data_sources, solution_strs, ground_truths, extra_infos
    EasyR1          reward_input, or predict_str and ground_truth
    EasyR1, batches reward_inputs, or predicts and ground_truths
    TRL             completions, with prompts and columns as lists
    AReaL           prompt, completions, prompt_ids, completion_ids
    plain           response (completion, prediction, output, …) and answer (ground_truth, reference, …)

`[python] convention` in plugin.toml says it where the names don't, and `[python.arguments]` what to pass for one.

The lists of a batch form have one entry, unless `scope` in plugin.toml is "group" or "batch": then they have one for each completion of a
prompt, or of a training step, and so has what the function returns.
"""

import ast
import inspect
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from . import Abstain, Failure, Internal, InvalidReference, Sample, parameters

RESPONSES = (
    "response response_str completion completion_str prediction pred predict predict_str prediction_str output model_output "
    "solution_str generated generated_text generation model_response"
).split()
ANSWERS = (
    "answer ground_truth reference reference_answer gold gold_answer target label solution expected expected_answer "
    "correct_answer gt truth answers labels targets solutions ground_truths references"
).split()


class Unclear(Exception):
    """What to pass to the function is not known; the message says how to say it."""


class NoTokens:
    """Stands for token ids, which samples don't have: a function may take them, but not read them."""

    def __init__(self, name: str):
        self._name = name

    def _refuse(self, *_: Any) -> Any:
        raise Internal(f"the function reads `{self._name}`, but a sample has texts and no token ids")

    __len__ = __iter__ = __getitem__ = __contains__ = __bool__ = _refuse


def _message(message: Any) -> dict[str, Any]:
    """A prompt's message as chat templates have it."""
    if all(isinstance(part, str) for part in message.content):
        return {"role": message.role, "content": message.text}
    parts = [{"type": "text", "text": p} if isinstance(p, str) else {"type": "image"} for p in message.content]
    return {"role": message.role, "content": parts}


def _extra_info(sample: Sample) -> Any:
    columns = sample.columns
    return columns.get("extra_info", columns)


def _reward_input(sample: Sample) -> dict[str, Any]:
    tokens = sum(turn.tokens for turn in sample.turns)
    given = {"response": sample.response, "response_length": tokens, "ground_truth": sample.answer}
    kinds = {"data_source": sample.data_source, "problem_type": sample.problem_type}
    return sample.columns | kinds | given


#: What can be passed for an argument, by the name it has in `[python.arguments]`.
FIELDS: dict[str, Callable[[Sample], Any]] = {
    "response": lambda sample: sample.response,
    "answer": lambda sample: sample.answer,
    "answer_text": lambda sample: sample.answer_text(),
    "prompt": lambda sample: "\n".join(message.text for message in sample.prompt),
    "messages": lambda sample: [_message(message) for message in sample.prompt],
    "completion_messages": lambda sample: [{"role": "assistant", "content": turn.text} for turn in sample.turns],
    "data_source": lambda sample: sample.data_source,
    "problem_type": lambda sample: sample.problem_type,
    "answer_type": lambda sample: sample.answer_type,
    "columns": lambda sample: sample.columns,
    "extra_info": _extra_info,
    "reward_input": _reward_input,
    "turns": lambda sample: [turn.text for turn in sample.turns],
    "group": lambda sample: sample.group,
    "params": lambda sample: sample.params,
    "sample": lambda sample: sample,
}
#: What `[python.arguments]` says of an argument that is a parameter.
PARAMETER = "parameter"


@dataclass
class Convention:
    """How a framework calls a reward function."""

    name: str
    #: what it passes: the argument's name, and the field
    passes: dict[str, str]
    #: whether it passes lists and takes one, an entry for each sample
    lists: bool = False
    #: whether it passes the data's columns as arguments
    columns: bool = False
    #: the key of a returned dict that is the score
    total: str = "score"
    #: what it passes by position, whatever the arguments' names
    positions: tuple[str, ...] = ()
    #: what it passes by name, whether the function names it or takes `**kwargs`
    keywords: tuple[str, ...] = ()
    #: whether its configuration can set any other argument
    settings: bool = False


def _same(names: list[str], field_name: str) -> dict[str, str]:
    return dict.fromkeys(names, field_name)


VERL = {"data_source": "data_source", "solution_str": "response", "ground_truth": "answer", "extra_info": "extra_info"}
VERL_BATCH = {name + "s": field_name for name, field_name in VERL.items()}
CONVENTIONS = {
    "verl": Convention("veRL", VERL, keywords=tuple(VERL), settings=True),
    "verl-batch": Convention("veRL, in batches", VERL_BATCH, lists=True, keywords=tuple(VERL_BATCH), settings=True),
    "easyr1": Convention(
        "EasyR1",
        {"reward_input": "reward_input", "predict_str": "response", "predict": "response", "ground_truth": "answer"},
        total="overall",
        positions=("reward_input",),
        settings=True,
    ),
    "easyr1-batch": Convention(
        "EasyR1, in batches",
        {"reward_inputs": "reward_input", "predicts": "response", "predict_strs": "response", "ground_truths": "answer"},
        lists=True,
        total="overall",
        positions=("reward_inputs",),
        settings=True,
    ),
    "trl": Convention(
        "TRL",
        {"completions": "response", "prompts": "prompt"} | _same(ANSWERS, "answer"),
        lists=True,
        columns=True,
        keywords=("prompts", "completions", "completion_ids"),
    ),
    "areal": Convention(
        "AReaL",
        {"prompt": "prompt", "completions": "response"} | _same(ANSWERS, "answer"),
        columns=True,
        positions=("prompt", "completions", "prompt_ids", "completion_ids"),
    ),
    "plain": Convention(
        "a plain function",
        _same(RESPONSES, "response")
        | _same(ANSWERS, "answer")
        | {"prompt": "prompt", "turns": "turns", "params": "params"},
    ),
}
#: Of the conventions' arguments those that tell one from the others, in the order of asking.
MARKS = [
    ("verl-batch", {"solution_strs"}),
    ("verl", {"solution_str"}),
    ("easyr1", {"reward_input"}),
    ("easyr1-batch", {"reward_inputs"}),
    ("easyr1-batch", {"predicts"}),
    ("easyr1-batch", {"predict_strs"}),
    ("easyr1", {"predict_str"}),
    ("areal", {"prompt", "completions"}),
    ("areal", {"prompt_ids", "completions"}),
    ("trl", {"completions"}),
]
#: Passed to functions that name them, whatever the convention.
ALWAYS = {
    name: name
    for name in ("sample", "data_source", "problem_type", "answer_type", "extra_info", "messages", "columns")
}
#: The fields that are, or have, the response.
RESPONSE_FIELDS = {"response", "completion_messages", "turns", "reward_input", "sample"}
TOKENS = ("prompt_ids", "completion_ids", "completions_ids")
#: What TRL passes of its own, which is not there.
TRAINER = ("trainer_state", "log_extra", "log_metric", "environments")

SAY_IT = (
    'In plugin.toml, `[python] convention = "…"` names a convention ({conventions}), and under `[python.arguments]` a line '
    '`name = "field"` says what to pass for an argument ({fields}, columns.NAME for a column of the data, or parameter).'
)


#: What the lists of a function hold, by the scope that plugin.toml names.
HOLD = {
    "sample": 'a list has one entry, since each response is judged alone (`scope = "group"` or "batch" under `[plugin]` gives it all)',
    "group": "a list has an entry for each completion of a prompt",
    "batch": "a list has an entry for each completion of a training step",
}

BEHIND_A_DECORATOR = (
    "If a decorator made it, `@functools.wraps(f)` in there shows the arguments of the function `f` behind it; or the convention of "
    "the framework that it was written for says it. "
)


def called(function: Callable[..., Any]) -> str:
    """What a function is called."""
    return getattr(function, "__name__", None) or type(function).__name__


def say_it() -> str:
    return SAY_IT.format(conventions=", ".join(CONVENTIONS), fields=", ".join(FIELDS))


@dataclass
class Plan:
    """A function, and what is passed for each of its arguments."""

    function: Callable[..., Any]
    convention: Convention
    #: which samples a call sees together: "sample", "group" or "batch"
    scope: str = "sample"
    #: the field or `columns.NAME` of each argument
    fields: dict[str, str] = field(default_factory=dict)
    #: arguments that are columns of the data where a sample has them, and parameters or nothing else
    columns: list[str] = field(default_factory=list)
    #: parameters with their defaults
    params: dict[str, Any] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    #: what is passed by position, with defaults
    positional: dict[str, Any] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    #: whether all columns are passed, for `**kwargs`
    rest: bool = False
    #: names under which `**kwargs` is asked for the reference answer
    answers: list[str] = field(default_factory=list)
    #: where something made the function: what makes it anew for the parameters of a sample, and which these may be
    remake: Callable[[dict[str, Any]], Callable[..., Any]] | None = None
    made_of: dict[str, Any] = field(default_factory=dict)

    def told(self) -> str:
        """What is passed, in a line."""
        passed = [name if source == name else f"{name} = {source}" for name, source in self.fields.items()]
        passed += [f"{name} = a column" for name in self.columns]
        passed += [
            f"{name} = a parameter" + (" that must be given" if isinstance(default, parameters.Needed) else "")
            for name, default in self.params.items()
            if name not in self.columns
        ]
        passed += [f"{name} = nothing to be read" for name in self.tokens]
        passed += [f"{name} = None" for name in self.nothing]
        if self.rest:
            passed.append("**columns")
        made = f"; it is made with {', '.join(f'{name} = a parameter' for name in self.made_of)}" if self.made_of else ""
        lists = f"; {HOLD[self.scope]}" if self.convention.lists else ""
        return f"called as by {self.convention.name}: {', '.join(passed) or 'no arguments'}{made}{lists}"

    def all_params(self) -> dict[str, Any]:
        """The parameters of the function, and of what made it."""
        return self.made_of | self.params


def plan(function: Callable[..., Any], source: str, settings: dict[str, Any], scope: str = "sample") -> Plan:
    """Decides how to call a function from the names of its arguments. `source` is the text of its file, `scope` what plugin.toml says."""
    name = called(function)
    try:
        signature = parameters.signature(function)
        hints = parameters.hints(function)
    except (TypeError, ValueError) as error:
        raise Unclear(f"{name} can't be called: {error}") from None
    arguments = list(signature.parameters.values())
    given = settings.get("arguments") or {}
    convention = _convention(name, arguments, settings, scope)
    if scope != "sample":
        convention = together(name, convention, scope)
    # Texts or conversations: TRL passes either, as the data set is. Functions that read messages name their keys.
    completions = settings.get("completions") or ("messages" if '"content"' in _keys(source) else "text")
    if completions not in ("text", "messages"):
        raise Unclear('plugin.toml: [python] completions must be "text" or "messages"')
    passes = dict(ALWAYS) | convention.passes
    if scope != "sample":
        del passes["sample"]
        passes["samples"] = "sample"
    if convention is CONVENTIONS["trl"] and completions == "messages":
        passes |= {"completions": "completion_messages", "prompts": "messages"}
    made = Plan(function, convention, scope)
    unknown = []
    unnamed = set()
    for argument in arguments:
        key = argument.name
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            unnamed.add(argument.kind)
            continue
        if argument.kind is argument.POSITIONAL_ONLY:
            made.positional[key] = argument.default
        needed = argument.default is argument.empty
        if needed:
            made.required.add(key)
        if given.get(key) == PARAMETER:
            made.params[key] = parameters.Needed(hints.get(key, "")) if needed else argument.default
        elif key in given:
            made.fields[key] = given[key]
        elif key in passes:
            made.fields[key] = passes[key]
        elif convention.columns and key in TOKENS:
            made.tokens.append(key)
        elif convention.columns and key in TRAINER:
            made.nothing.append(key)
        else:
            if convention.columns:
                made.columns.append(key)
            elif needed and convention.settings:
                made.params[key] = parameters.Needed(hints.get(key, ""))
            elif needed:
                unknown.append(key)
            if parameters.is_parameter(argument):
                made.params[key] = argument.default
    takes_any = inspect.Parameter.VAR_KEYWORD in unnamed
    extra = list(convention.keywords) if takes_any else []
    if inspect.Parameter.VAR_POSITIONAL in unnamed:
        placed = [it.name for it in arguments if it.kind in (it.POSITIONAL_ONLY, it.POSITIONAL_OR_KEYWORD)]
        if tuple(placed) == convention.positions[: len(placed)]:
            made.positional = dict.fromkeys(convention.positions)
            extra += convention.positions
    for key in given:
        if key not in signature.parameters:
            if not takes_any:
                raise Unclear(f"plugin.toml: [python.arguments] names `{key}`, but {name} has no such argument")
            extra.append(key)
    for key in dict.fromkeys(extra):
        if key in given:
            made.fields[key] = given[key]
        elif key in signature.parameters:
            continue
        elif key in TOKENS:
            made.tokens.append(key)
        else:
            made.fields[key] = passes[key]
    for key, source_name in made.fields.items():
        if source_name not in FIELDS and not source_name.startswith("columns."):
            raise Unclear(f'plugin.toml: [python.arguments] {key} = "{source_name}" is no field. ' + say_it())
    if unknown:
        listed = ", ".join(f"`{key}`" for key in unknown)
        raise Unclear(f"{name} is called as by {convention.name}, which passes nothing for {listed}. " + say_it())
    if not given and not RESPONSE_FIELDS & set(made.fields.values()):
        raise Unclear(f"{name}({_listed(arguments)}) gets no response where it is called as by {convention.name}. " + say_it())
    made.rest = takes_any and convention.columns
    if made.rest:
        read = _keys(source)
        if len(unnamed) == len(arguments):
            # The function behind it has the names.
            read |= {f'"{node.arg}"' for node in ast.walk(ast.parse(source)) if isinstance(node, ast.arg)}
        made.answers = ["answer"] + [key for key in ANSWERS[1:] if f'"{key}"' in read]
    return made


def together(name: str, convention: Convention, scope: str) -> Convention:
    """How a function is called that sees several samples at once."""
    if convention is CONVENTIONS["plain"]:
        lists = {key + "s": source for key, source in convention.passes.items() if not key.endswith("s")}
        return replace(convention, name="a plain function over lists", lists=True, passes=convention.passes | lists)
    if not convention.lists:
        raise Unclear(
            f'plugin.toml says `scope = "{scope}"`, but {name} is called as by {convention.name}, with one response at a time. '
            "Functions that take lists see several: veRL's in batches (solution_strs, ground_truths), EasyR1's (reward_inputs), TRL's "
            "(completions) and plain ones (responses, answers)"
        )
    return convention


def _convention(name: str, arguments: list[inspect.Parameter], settings: dict[str, Any], scope: str) -> Convention:
    chosen = settings.get("convention")
    if chosen is not None:
        if chosen not in CONVENTIONS:
            raise Unclear(f'plugin.toml: [python] convention = "{chosen}" is none. ' + say_it())
        return CONVENTIONS[chosen]
    names = {argument.name for argument in arguments}
    for key, marks in MARKS:
        if marks <= names:
            return CONVENTIONS[key]
    given = set((settings.get("arguments") or {}).values())
    plural = {"samples"} | {key + "s" for key in RESPONSES} if scope != "sample" else set()
    response = names & ({"sample", "turns"} | set(RESPONSES) | plural) or given & {"response", "sample", "turns", "completion_messages"}
    if not response:
        unnamed = any(it.kind in (it.VAR_POSITIONAL, it.VAR_KEYWORD) for it in arguments)
        raise Unclear(
            f"it is not clear which argument of {name}({_listed(arguments)}) is the response. "
            + (BEHIND_A_DECORATOR if unnamed else "")
            + say_it()
        )
    return CONVENTIONS["plain"]


def _listed(arguments: list[inspect.Parameter]) -> str:
    return ", ".join(str(argument) for argument in arguments)


def _keys(source: str) -> set[str]:
    """The texts by which a file asks dicts for something, in double quotes."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        key = None
        if isinstance(node, ast.Subscript):
            key = node.slice
        elif isinstance(node, ast.Call) and node.args:
            asks = getattr(node.func, "attr", None) in ("get", "pop", "itemgetter") or getattr(node.func, "id", None) == "itemgetter"
            key = node.args[0] if asks else None
        elif isinstance(node, ast.MatchMapping):
            found |= {f'"{it.value}"' for it in node.keys if isinstance(it, ast.Constant) and isinstance(it.value, str)}
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.add(f'"{key.value}"')
    return found


def arguments_of(made: Plan, samples: list[Sample]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments for the samples of a call, by position and by name."""
    each = [values_of(made, sample) for sample in samples]
    if made.convention.lists:
        names = dict.fromkeys(name for values in each for name in values)
        values = {name: [it.get(name) for it in each] for name in names}
        if made.scope == "sample" and "sample" in made.fields:
            values["sample"] = samples[0]
    else:
        (values,) = each
    params = samples[0].params if made.params else {}
    for name, default in made.params.items():
        if name in params:
            values[name] = parameters.read(name, default, params[name])
        elif isinstance(default, parameters.Needed):
            raise Internal(f"the parameter `{name}` must be given: the function has no default for it")
    values |= {name: None for name in made.nothing}
    positional = [values.pop(name, default) for name, default in made.positional.items()]
    return positional, values


def values_of(made: Plan, sample: Sample) -> dict[str, Any]:
    """What a sample has for the arguments: in lists, its entries."""
    values: dict[str, Any] = {}
    columns = sample.columns if made.convention.columns else {}
    params = sample.params if made.params else {}
    for name, source in made.fields.items():
        if name in columns and source == "answer":
            # The data has a column of that very name beside its answer.
            values[name] = columns[name]
        elif source.startswith("columns."):
            values[name] = _column(sample, source.removeprefix("columns."))
        else:
            values[name] = FIELDS[source](sample)
    for name in made.columns:
        if name in params and name in made.params:
            continue
        if name in columns:
            values[name] = columns[name]
        elif name in made.required:
            raise InvalidReference(f"the sample has no column `{name}`, which the function asks for")
    values |= {name: NoTokens(name) for name in made.tokens}
    if made.rest:
        rest = {name: sample.answer for name in made.answers} | columns
        # What `**kwargs` has is no parameter, and none of what TRL passes of its own.
        taken = values.keys() | made.params.keys() | set(made.nothing)
        values |= {name: value for name, value in rest.items() if name not in taken}
    return values


def _column(sample: Sample, path: str) -> Any:
    """A column; dots lead into objects."""
    value: Any = sample.columns
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise InvalidReference(f"the sample has no column `{path}`, which the function asks for")
        value = value[key]
    return value


#: Score and parts of a sample, or why there are none.
Judged = tuple[float, list[tuple[str, float]]] | Failure


def judge(made: Plan, sample: Sample) -> tuple[float, list[tuple[str, float]]]:
    """Score and parts of a sample that is judged alone. Raises a `Failure` where there is no judgement."""
    (judged,) = judge_all(made, [sample])
    if isinstance(judged, Failure):
        raise judged
    return judged


def judge_all(made: Plan, samples: list[Sample]) -> list[Judged]:
    """What comes of each sample of a call."""
    try:
        positional, named = arguments_of(made, samples)
        function = made.remake(samples[0].params) if made.remake and made.made_of else made.function
        value = function(*positional, **named)
        if inspect.isawaitable(value):
            from . import loop

            value = loop.run(value)
        return read(made, value, len(samples))
    except Failure as failure:
        return [failure] * len(samples)
    except BaseException as error:  # SystemExit too: no exception is a score.
        return [Internal(told(error))] * len(samples)


def read(made: Plan, value: Any, count: int) -> list[Judged]:
    """Reads what a function returned for so many samples."""
    name = called(made.function)
    if not made.convention.lists:
        return [entry(name, value, made.convention.total)]
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__len__"):
        raise Internal(f"{name} returned {short(value)}: it must return a list with an entry for each response")
    if len(value) != count:
        raise Internal(f"{name} returned {len(value)} entries for {count} response{'s' if count > 1 else ''}")
    return [entry(name, it, made.convention.total) for it in value]


def entry(name: str, value: Any, total: str) -> Judged:
    try:
        return verdict(name, value, total)
    except Failure as failure:
        return failure


#: The keys by which dicts hold the score.
TOTALS = ("score", "overall", "reward")


def verdict(name: str, value: Any, total: str) -> tuple[float, list[tuple[str, float]]]:
    """Reads what a function returned for a sample: a number, a boolean, a dict with the score, or None."""
    if value is None:
        raise Abstain(f"{name} returned None")
    parts: list[tuple[str, float]] = []
    if isinstance(value, dict):
        key = next((key for key in (total, *TOTALS) if key in value), None)
        if key is None:
            listed = ", ".join(map(repr, value)) or "nothing"
            raise Internal(f"{name} returned a dict without {total!r}; it has {listed}")
        for part, number in value.items():
            if part == key:
                continue
            if is_number(number):
                parts.append((str(part), finite(f"{part!r} of what {name} returned", number)))
            elif number is not None:
                # A line of the log, where there is one.
                print(f"{part}: {short(number)}")
        value = value[key]
        if value is None:
            raise Abstain(f"{name} returned {key!r}: None")
        name = f"{key!r} of what {name} returned"
    else:
        name = f"what {name} returned"
    if not is_number(value):
        raise Internal(f"{name} is {short(value)}: a score must be a number, a boolean, a dict with {total!r} or None")
    return finite(name, value), parts


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Fraction, Decimal))


def finite(name: str, value: Any) -> float:
    """A number that may be a score."""
    try:
        number = float(value)
    except (OverflowError, ValueError):
        number = math.nan
    if not abs(number) <= 1e30:
        raise Internal(f"{name} is {short(value)}: a number must be finite and between -1e30 and 1e30")
    return number


def short(value: Any) -> str:
    """A value as Python writes it, cut after 200 characters."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"a {type(value).__name__} that can't be shown ({error!r})"
    return text if len(text) <= 200 else text[:200] + "…"


#: The folder of the plugin's files.
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def told(error: BaseException) -> str:
    """An exception with the last line of the plugin's own files that it came through."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(HERE + "/") and not file.startswith(HERE + "/rlhost/"):
            place = f" (src/{file[len(HERE) + 1:]}, line {trace.tb_lineno})"
        trace = trace.tb_next
    try:
        text = str(error)
    except Exception:
        text = "its message can't be shown"
    text = text if len(text) <= 500 else text[:500] + "…"
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"
