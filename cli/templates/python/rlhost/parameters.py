"""A plugin's parameters: the arguments of its function that have a default, and those that nothing else is passed for.

`def compute_score(…, weight: float = 0.5)` has the parameter `weight`, which `--param weight=0.7` and the configuration
of a run can set. What the value must be is what its default is.
"""

import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

from . import Internal

#: What a value must be, by what the default is.
KINDS: list[tuple[type, tuple[type, ...], str]] = [
    (bool, (bool,), "true or false"),
    (int, (int,), "a whole number"),
    (float, (int, float), "a number"),
    (str, (str,), "a text"),
    (list, (list,), "a list"),
    (dict, (dict,), "an object"),
]


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """A function's arguments, without their hints: these may name what is imported for a type checker alone."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        made = inspect.signature(function, annotation_format=Format.STRING)
    else:
        made = inspect.signature(function)
    return inspect.Signature([it.replace(annotation=it.empty) for it in made.parameters.values()])


class Needed:
    """Stands for the default of a parameter that has none."""

    def __init__(self, hint: str = ""):
        #: what the value must be like, as a default would say it: of the types that JSON has
        self.like = {"bool": False, "int": 0, "float": 0.0, "str": "", "list": [], "dict": {}}.get(hint.split("[")[0].strip("'\""))


def hints(function: Callable[..., Any]) -> dict[str, str]:
    """The hints at a function's arguments, as texts."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        made = inspect.signature(function, annotation_format=Format.STRING)
    else:
        made = inspect.signature(function)
    named = made.parameters.values()
    return {it.name: getattr(it.annotation, "__name__", str(it.annotation)) for it in named if it.annotation is not it.empty}


def is_parameter(argument: inspect.Parameter) -> bool:
    """Whether an argument has a default that JSON can write."""
    return argument.default is not inspect.Parameter.empty and is_value(argument.default)


def is_value(value: Any) -> bool:
    """Whether JSON can write it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def read(name: str, default: Any, value: Any) -> Any:
    """The value that was given, if it is of the default's kind."""
    if isinstance(default, Needed):
        default = default.like
    for kind, allowed, wanted in KINDS:
        if isinstance(default, kind):
            if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
                raise Internal(f"the parameter `{name}` must be {wanted}")
            return kind(value)
    return tuple(value) if isinstance(default, tuple) and isinstance(value, list) else value


def described(names: dict[str, Any], docs: dict[str, str]) -> list[tuple[str, str, str]]:
    """Name, purpose and default of each parameter; the default of one that must be given is empty. Purposes are the entries of the dict
    PARAMS in the plugin's file."""
    return [
        (name, docs.get(name, f"The argument `{name}` of the function."), default_of(default))
        for name, default in names.items()
    ]


def default_of(default: Any) -> str:
    return "" if isinstance(default, Needed) else json.dumps(default, ensure_ascii=False)
