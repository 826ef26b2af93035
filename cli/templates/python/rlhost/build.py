"""What happens while a plugin is built: its files are checked, and all modules that they import are loaded.

The component is a picture of the interpreter's memory after that. There is no file in the sandbox, so a module that
was not loaded by then does not exist later, and an `import` inside of a function finds what was loaded here.
"""

import ast
import encodings
import gc
import importlib
import importlib.util
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from .call import HERE

OWN = HERE + "/rlhost/"
#: What modules import when they are called: compiled ones, and those that are loaded before the plugin's own files are.
BEHIND = {
    # Division and texts of large numbers, and names of characters.
    "builtins": ["_pylong", "unicodedata"],
    "collections": ["heapq"],
    "datetime": ["_strptime"],
    "time": ["_strptime"],
    "traceback": ["_suggestions", "difflib"],
    "weakref": ["atexit"],
}

NO_THREADS = "there are no threads and no processes: starting one raises RuntimeError or OSError"
NO_PROGRAMS = "there are no programs to start (a component can be granted an interpreter: see docs/plugins.md, Capabilities)"
NO_NETWORK = "there is no network"
NO_SIGNALS = "it never rings: a call that takes too long runs out of fuel, which is no score"
RUNS_TEXT = "what it runs can change how its own response is judged; what it imports must be imported by a file in src/ too"
#: What can be imported, but does not do its work.
IDLE = {
    "signal.alarm": NO_SIGNALS,
    "signal.setitimer": NO_SIGNALS,
    "threading.Thread": NO_THREADS,
    "threading.Timer": NO_THREADS,
    "_thread": NO_THREADS,
    "concurrent.futures": NO_THREADS,
    "multiprocessing": NO_THREADS,
    "asyncio.to_thread": NO_THREADS,
    "subprocess": NO_PROGRAMS,
    "os.system": NO_PROGRAMS,
    "os.popen": NO_PROGRAMS,
    "os.fork": NO_PROGRAMS,
    "os.kill": NO_PROGRAMS,
    "asyncio.create_subprocess_exec": NO_PROGRAMS,
    "asyncio.create_subprocess_shell": NO_PROGRAMS,
    "socket": NO_NETWORK,
    "http.client": NO_NETWORK,
    "urllib.request": NO_NETWORK,
    "eval": RUNS_TEXT,
    "exec": RUNS_TEXT,
    "open": "no file can be opened in a function: read it at the top of the file, while the plugin is built",
}


class Refused(Exception):
    """Why there is no plugin."""


def plugin(app: str, make: Any) -> Any:
    """Makes the component's class; where it can't, the reason stands in `error.txt` beside the file `app`."""
    folder = os.path.dirname(app)
    notes: list[str] = []
    offer_alarms()
    try:
        made = make(notes)
    except Refused as error:
        refuse(folder, str(error))
    except BaseException as error:
        refuse(folder, explained(error))
    with open(f"{folder}/notes.txt", "w", encoding="utf-8") as file:
        file.writelines(note + "\n" for note in notes)
    gc.collect()
    gc.freeze()
    return made


def refuse(folder: str, text: str) -> NoReturn:
    with open(f"{folder}/error.txt", "w", encoding="utf-8", errors="replace") as file:
        file.write(text.rstrip("\n") + "\n")
    sys.exit(1)


def shown(path: str) -> str:
    return "src/" + path.removeprefix(HERE + "/")


def explained(error: BaseException) -> str:
    """An exception as Python prints it, from the first of the plugin's own lines on."""
    if isinstance(error, SyntaxError):
        lines = traceback.format_exception_only(error)
    else:
        trace = error.__traceback__
        while trace is not None and not is_own(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        lines = traceback.format_exception(type(error), error, trace or error.__traceback__, chain=trace is None)
    return "".join(lines).replace(f'"{HERE}/', '"src/')


def is_own(path: str) -> bool:
    """Whether a file is the user's."""
    return path.startswith(HERE + "/") and not path.startswith(OWN)


def load(name: str, wanted: list[str], notes: list[str]) -> Any:
    """Loads a file of `src`, of which names are wanted, and all modules that its files import."""
    path = f"{HERE}/{name}"
    if not os.path.isfile(path):
        found = sorted(file for file in os.listdir(HERE) if file.endswith(".py"))
        raise Refused(f"plugin.toml: [python] names src/{name}, which is not there; there is {', '.join(found)}")
    trees = {}
    for file in sorted(os.listdir(HERE)):
        if file.endswith(".py"):
            with open(f"{HERE}/{file}", "rb") as source:
                trees[file] = ast.parse(source.read(), f"src/{file}")
    before = set(sys.modules)
    missing = []
    mentioned = Counter(wanted)
    for tree in trees.values():
        for node in tree.body:
            mentioned.update(mentions(node))
    for file, tree in trees.items():
        idle_lines = {line for lines in uncalled(tree, mentioned) for line in lines}
        for it in imports(tree):
            place = f"src/{file}, line {it.line}"
            needed = not it.optional and it.line not in idle_lines
            if it.relative:
                # At the top of another file, the import of that file says it.
                if needed and (file == name or it.inside and file != "__init__.py"):
                    raise Refused(
                        f"{place}: a relative import, but the plugin's file is of no package. "
                        "Put the file that it means into src/ too, and import it by its name"
                    )
                continue
            try:
                found = importlib.import_module(it.module)
                for item in it.names:
                    if item != "*" and not hasattr(found, item):
                        attempt(f"{it.module}.{item}")
            except ModuleNotFoundError as error:
                if needed:
                    missing.append(absent(error.name or it.module, it.module, place))
                elif not it.optional:
                    notes.append(f"warning: {place}: there is no module `{it.module}`; nothing names the function that imports it")
            except SyntaxError:
                raise
            except BaseException:
                # The file's own import raises it again, with a trace, unless it is not there to be met.
                continue
        notes += idle(file, tree)
    if missing:
        raise Refused("\n".join(dict.fromkeys(missing)))
    stem = name.removesuffix(".py")
    module_name = f"plugin_{stem}" if stem in sys.stdlib_module_names else stem
    if module_name in sys.modules:
        module = sys.modules[module_name]
    else:
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except ModuleNotFoundError as error:
            line = own_line(error)
            if error.name is None or line is None:
                raise
            raise Refused(absent(error.name, error.name, line)) from None
    if "asyncio" in sys.modules or any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(trees[name])):
        importlib.import_module("rlhost.loop").install()
    load_behind(before)
    load_encodings()
    return module


def own_line(error: BaseException) -> str | None:
    """The last line of the plugin's own files that an exception came through."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if is_own(trace.tb_frame.f_code.co_filename):
            found = f"{shown(trace.tb_frame.f_code.co_filename)}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def absent(name: str, asked: str, place: str) -> str:
    """A module that there is not, and what to do about it."""
    root = name.split(".")[0]
    if root.lstrip("_") in sys.stdlib_module_names or root in sys.stdlib_module_names:
        return (
            f"{place}: the module `{asked}` of the standard library does not exist in the sandbox (it needs `{name}`). Do without it, "
            "or import it in `try:` … `except ImportError:` if the function can"
        )
    return (
        f"{place}: there is no module `{root}`. A plugin has Python's standard library and what lies in src/. "
        f"A module of pure Python can be put there (pip install --no-deps --target src {root}), one with compiled parts "
        "can't. If the function can do without it, import it in `try:` … `except ImportError:`"
    )


def attempt(module: str) -> None:
    try:
        importlib.import_module(module)
    except BaseException:  # A module may raise anything when it is loaded.
        pass


def load_behind(before: set[str]) -> None:
    """Loads what the modules that were loaded import inside of their functions: of modules in `src` all, of the
    standard library's what those need that the plugin asked for."""
    for name in before:
        for needed in BEHIND.get(name, []):
            attempt(needed)
    seen: set[str] = set()
    while True:
        new = [name for name in list(sys.modules) if name not in seen and name not in before]
        own = [name for name in new if is_own(getattr(sys.modules[name], "__file__", None) or "")]
        chosen = new if not seen else own
        if not chosen:
            return
        seen |= set(chosen)
        for name in chosen:
            for needed in BEHIND.get(name, []) + list(inner(name)):
                if needed not in sys.modules:
                    attempt(needed)


def load_encodings() -> None:
    """Loads the encodings of texts, which are modules too."""
    for file in sorted(os.listdir(encodings.__path__[0])):
        if file.endswith(".py") and file != "__init__.py":
            attempt(f"encodings.{file.removesuffix('.py')}")


def inner(name: str) -> Iterator[str]:
    """The modules that a module's text imports anywhere."""
    module = sys.modules[name]
    path = getattr(module, "__file__", None) or ""
    if not path.endswith(".py") or path.startswith(OWN):
        return
    package = getattr(module, "__package__", None) or ""
    try:
        with open(path, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        # What is frozen into the interpreter names a file that is not there.
        return
    for node in called(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base:
                yield base
                found = sys.modules.get(base)
                if hasattr(found, "__path__"):
                    yield from (f"{base}.{alias.name}" for alias in node.names if not hasattr(found, alias.name))


def called(tree: ast.AST) -> Iterator[ast.AST]:
    """All of a module but what runs where it is a program: tests and commands import much."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(tree, ast.Module):
            if isinstance(node, ast.If) and "__name__" in names_in(node.test):
                continue
            if isinstance(node, ast.FunctionDef) and node.name in ("_main", "_test", "main"):
                continue
        yield node
        yield from called(node)


@dataclass
class Import:
    """An import somewhere in a file."""

    module: str
    #: what is taken from it
    names: list[str]
    line: int
    #: whether it is of the file's own package
    relative: bool
    #: whether it is in a function
    inside: bool
    #: whether the file can do without; of what stands under a condition outside of functions, running the file tells
    optional: bool


def imports(tree: ast.AST) -> Iterator[Import]:
    """What a file imports, wherever in it."""
    guards = {"find_spec", "platform", "version_info"} | flags(tree)

    def walk(node: ast.AST, inside: bool, optional: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, [], node.lineno, False, inside, optional)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            yield Import(node.module or "", names, node.lineno, node.level > 0, inside, optional)
        elif isinstance(node, ast.If):
            test = names_in(node.test)
            never = bool(test & {"__name__", "TYPE_CHECKING"})
            either = optional or not inside or bool(test & guards) or {"os", "name"} <= test
            for child in node.body:
                if not never:
                    yield from walk(child, inside, either)
            for child in node.orelse:
                yield from walk(child, inside, either or never)
        else:
            # What stands in for a missing module is needed where the first is missing.
            optional = optional or may_fail(node)
            inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for child in ast.iter_child_nodes(node):
                yield from walk(child, inside, optional)

    return walk(tree, False, False)


def names_in(node: ast.AST) -> set[str]:
    """The names, and the attributes, in an expression."""
    parts = list(ast.walk(node))
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.attr for part in parts if isinstance(part, ast.Attribute)}


def mentions(node: ast.AST) -> set[str]:
    """The names by which a statement may get at a function."""
    parts = list(ast.walk(node))
    texts = {it.value for it in parts if isinstance(it, ast.Constant) and isinstance(it.value, str)}
    return names_in(node) | texts | {it.name for it in parts if isinstance(it, ast.alias)}


def uncalled(tree: ast.Module, mentioned: Counter[str]) -> Iterator[range]:
    """The lines of functions that no other statement of any file mentions."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            if mentioned[node.name] == (node.name in mentions(node)):
                yield range(node.lineno, (node.end_lineno or node.lineno) + 1)


def flags(tree: ast.AST) -> set[str]:
    """Names that a file gives to whether there is a module."""
    found = set()
    for node in ast.walk(tree):
        asked = isinstance(node, ast.Assign) and "find_spec" in names_in(node.value)
        tried = isinstance(node, ast.Try) and may_fail(node) and any(isinstance(it, ast.Import | ast.ImportFrom) for it in node.body)
        if asked or tried:
            found |= {it.id for it in ast.walk(node) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
    return found


def may_fail(node: ast.AST) -> bool:
    """Whether a statement goes on where a module in it is missing: `try`, or `with suppress`."""
    caught = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    if isinstance(node, ast.Try):
        return any(it.type is None or names_in(it.type) & caught for it in node.handlers)
    if isinstance(node, ast.With | ast.AsyncWith):
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        return any("suppress" in names_in(call.func) and any(names_in(it) & caught for it in call.args) for call in calls)
    return False


def idle(file: str, tree: ast.AST) -> Iterator[str]:
    """Warnings of what a file uses that does not work in the sandbox."""
    names = {name: name for name in ("eval", "exec", "open")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    told: set[str] = set()

    def dotted(node: ast.AST) -> str | None:
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = dotted(node.value)
            return base and f"{base}.{node.attr}"
        return None

    def walk(node: ast.AST, inside: bool) -> Iterator[str]:
        name = dotted(node) if isinstance(node, ast.Name | ast.Attribute) else None
        key = name and next((key for key in IDLE if name == key or name.startswith(key + ".")), None)
        if name and key and name not in told and (inside or key != "open"):
            told.add(name)
            yield f"warning: src/{file}, line {node.lineno}: {name}: {IDLE[key]}"  # type: ignore[attr-defined]
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not name:
            for child in ast.iter_child_nodes(node):
                yield from walk(child, inside)

    return walk(tree, False)


def offer_alarms() -> None:
    """Gives `signal` the functions that it lacks here, for code that guards itself with an alarm."""
    if not hasattr(signal, "alarm"):
        signal.alarm = lambda seconds: 0  # type: ignore[attr-defined]
        signal.setitimer = lambda which, seconds, interval=0.0: (0.0, 0.0)  # type: ignore[attr-defined]
        signal.getitimer = lambda which: (0.0, 0.0)  # type: ignore[attr-defined]
        signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF = 0, 1, 2  # type: ignore[attr-defined]
        signal.ItimerError = OSError  # type: ignore[attr-defined]


def function(name: str, notes: list[str]) -> tuple[Any, Any, str]:
    """The function that `FILE.py:FUNCTION` names, its module, and the module's text."""
    file, _, wanted = name.partition(":")
    module = load(file, wanted.split("."), notes)
    found = module
    for part in wanted.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type):
        raise Refused(
            f"src/{file}: `{wanted}` is a class, and not a function: write a function beside it that makes one and calls it, "
            "and name that in plugin.toml"
        )
    if not callable(found):
        with open(f"{HERE}/{file}", "rb") as source:
            tree = ast.parse(source.read())
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        raise Refused(f"src/{file} has no function `{wanted}`; it has {', '.join(names) or 'none'}")
    with open(f"{HERE}/{file}", "rb") as source:
        return found, module, importlib.util.decode_source(source.read())


def declared(module: Any, name: str, kind: type, default: Any) -> Any:
    """What a file says of itself by an upper-case name."""
    value = getattr(module, name, default)
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, kind):
        return default
    texts = [*value, *value.values()] if isinstance(value, dict) else value
    # A file that was written for something else may use the name for something else.
    return value if all(isinstance(text, str) for text in texts) else default
