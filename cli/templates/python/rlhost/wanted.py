"""What plugin.toml's `FILE.py:FUNCTION` stands for: a function, an object of a class that can be called, or what a call makes.

    reward.py:compute_score                a function
    reward.py:GSM8KAccuracy                a class with `__call__`: an object of it is made
    reward.py:make(max_len=200)            what a function returns, or a class makes, for these arguments
    reward.py:Grader().score               a method of an object
"""

import ast
import importlib.util
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import absent, build, parameters
from .build import Refused


@dataclass
class Wanted:
    """A reward function, and where it comes from."""

    function: Callable[..., Any]
    module: types.ModuleType
    #: the text of its file
    source: str
    #: what made it, where something did: a class, or a function that was called
    maker: Callable[..., Any] | None = None
    #: the arguments of that call by position, by name, and those that may be given anew as parameters
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)

    def made(self, params: dict[str, Any]) -> Callable[..., Any]:
        """The function, made anew where parameters say otherwise."""
        given = {name: parameters.read(name, self.params[name], value) for name, value in params.items() if name in self.params}
        return self.maker(*self.positional, **self.named | given) if self.maker and given else self.function


def function(name: str, notes: list[str]) -> Wanted:
    """The function that `FILE.py:FUNCTION` names."""
    file, _, text = name.partition(":")
    expression = parsed(name, text)
    names = [it.id if isinstance(it, ast.Name) else it.attr for it in ast.walk(expression) if isinstance(it, ast.Name | ast.Attribute)]
    module = build.load(file, names, notes)
    with open(f"{build.HERE}/{file}", "rb") as opened:
        source = importlib.util.decode_source(opened.read())
    found = value(expression, module, file, source)
    wanted = Wanted(found, module, source)
    if isinstance(expression, ast.Call):
        wanted.maker = value(expression.func, module, file, source)
        wanted.positional = tuple(map(ast.literal_eval, expression.args))
        wanted.named = {it.arg: ast.literal_eval(it.value) for it in expression.keywords if it.arg}
    elif isinstance(found, type):
        wanted.maker = found
        wanted.function = made(ast.Call(expression, [], []), found, file)
    if wanted.maker is not None:
        wanted.params = own_parameters(wanted)
    if isinstance(wanted.function, absent.Absent):
        raise Refused(f"src/{file}: `{text}` is {wanted.function!r}, of a module that is not there")
    if not callable(wanted.function):
        shown = f"what `{text}` makes" if wanted.maker else f"`{text}`"
        raise Refused(
            f"src/{file}: {shown} is {article(wanted.function)}, and not a function. plugin.toml names a function, a class whose objects can be "
            "called (`Name`), a call that returns one (`make(…)`) or a method (`Name().method`)"
        )
    return wanted


def parsed(name: str, text: str) -> ast.expr:
    """The expression after the colon: names, attributes and calls with plain values."""
    try:
        expression = ast.parse(text, mode="eval").body
        check(expression)
    except (SyntaxError, ValueError):
        raise Refused(
            f"plugin.toml: [python] function = {name!r} must be FILE.py:FUNCTION; FUNCTION is a name, or a call with plain values, "
            "such as make(max_len=200) or Grader().score"
        ) from None
    return expression


def check(node: ast.expr) -> None:
    if isinstance(node, ast.Call):
        for argument in [*node.args, *(it.value for it in node.keywords)]:
            ast.literal_eval(argument)
        if any(it.arg is None for it in node.keywords):
            raise ValueError
        check(node.func)
    elif isinstance(node, ast.Attribute):
        check(node.value)
    elif not isinstance(node, ast.Name):
        raise ValueError


def value(node: ast.expr, module: types.ModuleType, file: str, source: str) -> Any:
    """What an expression stands for in a module."""
    if isinstance(node, ast.Call):
        return made(node, value(node.func, module, file, source), file)
    base = value(node.value, module, file, source) if isinstance(node, ast.Attribute) else module
    if isinstance(node, ast.Attribute) and isinstance(base, type):
        plain = inspect.getattr_static(base, node.attr, None)
        if isinstance(plain, types.FunctionType) and list(inspect.signature(plain).parameters)[:1] == ["self"]:
            raise Refused(f"src/{file}: `{ast.unparse(node)}` is a method: name it as `{base.__name__}().{node.attr}`")
    name = node.attr if isinstance(node, ast.Attribute) else node.id  # type: ignore[attr-defined]
    if not hasattr(base, name):
        names = [it.name for it in ast.parse(source).body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        raise Refused(f"src/{file} has no function `{ast.unparse(node)}`; it has {', '.join(names) or 'none'}")
    return getattr(base, name)


def made(node: ast.Call, maker: Any, file: str) -> Any:
    """What a call makes."""
    positional = list(map(ast.literal_eval, node.args))
    named = {it.arg: ast.literal_eval(it.value) for it in node.keywords if it.arg}
    shown = ast.unparse(node.func)
    if not callable(maker):
        raise Refused(f"src/{file}: `{shown}` is {article(maker)}, which can't be called")
    try:
        signature = parameters.signature(maker)
    except (TypeError, ValueError):
        return maker(*positional, **named)
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        takes = ", ".join(map(str, signature.parameters.values()))
        raise Refused(
            f"src/{file}: {ast.unparse(node)}: {error}; {shown} takes ({takes}). plugin.toml says them: "
            f'`function = "{file}:{shown}(NAME=VALUE, …)"`'
        ) from None
    return maker(*positional, **named)


def own_parameters(wanted: Wanted) -> dict[str, Any]:
    """The arguments by name of what made a function: a run can give them anew."""
    assert wanted.maker is not None
    try:
        bound = parameters.signature(wanted.maker).bind(*wanted.positional, **wanted.named)
    except (TypeError, ValueError):
        return {}
    found = {}
    for argument in list(bound.signature.parameters.values())[len(wanted.positional) :]:
        current = bound.arguments.get(argument.name, argument.default)
        if argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY) and parameters.is_value(current):
            found[argument.name] = current
    return found


def hint(name: str, wanted: Wanted) -> str:
    """What to say where it is not clear how a function is called that makes another one."""
    plain = inspect.unwrap(wanted.function)
    if wanted.maker is not None or not isinstance(plain, types.FunctionType):
        return ""
    trees = [it for it in ast.walk(ast.parse(wanted.source)) if isinstance(it, ast.FunctionDef) and it.name == plain.__name__]
    inner = {it.name for tree in trees for it in ast.walk(tree) if isinstance(it, ast.FunctionDef) and it is not tree}
    returns = [it.value for tree in trees for it in ast.walk(tree) if isinstance(it, ast.Return)]
    if not any(isinstance(it, ast.Lambda) or isinstance(it, ast.Name) and it.id in inner for it in returns):
        return ""
    return f' If it makes the reward function, plugin.toml names the call: `function = "{name}()"`, with its arguments in the brackets.'


def article(thing: Any) -> str:
    name = type(thing).__name__
    return "None" if thing is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
