"""What a file of Python says without being run: what it imports, whether it can do without, and what it uses that does not work in
the sandbox."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

NO_THREADS = "there are no threads: starting one raises RuntimeError"
AT_ONCE = "there are no threads and no processes: what it is given runs at once, and a timeout never ends it (fuel does)"
NO_PROGRAMS = "there are no programs to start (a component can be granted an interpreter: see docs/plugins.md, Capabilities)"
NO_NETWORK = "there is no network"
NO_SIGNALS = "it never rings: a call that takes too long runs out of fuel, which is no score"
RUNS_TEXT = "what it runs can change how its own response is judged; what it imports must be imported by a file in src/ too"
FIXED_CLOCK = "the clock starts at one instant in every call"
FIXED_CHANCE = "chance is one fixed sequence in every call"
#: A function that says whether there is a module, as many packages have them.
IS_AVAILABLE = re.compile(r"is_(\w+)_available")
#: What can be imported, but does not do its work.
IDLE = {
    "signal.alarm": NO_SIGNALS,
    "signal.setitimer": NO_SIGNALS,
    "threading.Thread": NO_THREADS,
    "threading.Timer": NO_THREADS,
    "_thread": NO_THREADS,
    "concurrent.futures": AT_ONCE,
    "ctypes": "there are no foreign functions: of ctypes there are the sizes of C's types",
    "multiprocessing": AT_ONCE,
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
    "random": FIXED_CHANCE,
    "secrets": FIXED_CHANCE,
    "time.time": FIXED_CLOCK,
    "time.sleep": "it takes no time",
    "datetime.datetime.now": FIXED_CLOCK,
    "datetime.date.today": FIXED_CLOCK,
    "eval": RUNS_TEXT,
    "exec": RUNS_TEXT,
    "open": "no file can be opened in a function: read it at the top of the file, while the plugin is built",
}


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


#: An import that is not at the beginning of its line: in a function, or under a condition.
INDENTED = re.compile(
    rb"^[ \t]+((?:from[ \t]+[\w.]+[ \t]+import[ \t]*(?:\([^()]*\)|[^\n(;]+))|import[ \t]+[^\n;]+)", re.MULTILINE
)


def indented_imports(text: bytes) -> Iterator[ast.AST]:
    """The imports in a file's functions, of which no other line is read. (Some may be of its documentation: that does no harm.)"""
    for found in INDENTED.finditer(text):
        try:
            yield from ast.parse(found[1].decode()).body
        except (SyntaxError, ValueError):
            continue


@dataclass
class Import:
    """An import somewhere in a file."""

    module: str
    #: what is taken from it
    names: list[str]
    line: int
    #: dots before the module's name: 0, or how far up in the file's own package it lies
    level: int
    #: whether it is in a function
    inside: bool
    #: whether the file can do without; of what stands under a condition outside of functions, running the file tells
    optional: bool
    #: the names that the file has by it
    binds: list[str]

    @property
    def relative(self) -> bool:
        return self.level > 0


def imports(tree: ast.AST) -> Iterator[Import]:
    """What a file imports, wherever in it."""
    guards = {"find_spec", "platform", "version_info"} | flags(tree)

    def walk(node: ast.AST, inside: bool, optional: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                binds = [alias.asname or alias.name.split(".")[0]]
                yield Import(alias.name, [], node.lineno, 0, inside, optional, binds)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            binds = [alias.asname or alias.name for alias in node.names]
            yield Import(node.module or "", names, node.lineno, node.level, inside, optional, binds)
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


def unnamed(tree: ast.Module, names: set[str]) -> Iterator[range]:
    """The lines of the functions and classes that are not among the names which the wanted function comes to."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name not in names:
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


def named(tree: ast.Module, wanted: list[str], missing: set[str]) -> set[str]:
    """The names that run where the wanted function does: those in the file's statements, and in the functions and classes that these
    name in turn. `missing` are names of modules that are not there: as base classes, and where something is entered into one, they
    are not needed.
    """
    definitions: dict[str, list[ast.AST]] = {}
    pending: list[ast.AST] = []
    for node in statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            definitions.setdefault(node.name, []).append(node)
            if any(not first_name(it) & missing for it in node.decorator_list):
                # A decorator that is there may enter it somewhere, or run it.
                wanted = [*wanted, node.name]
        elif not isinstance(node, ast.Import | ast.ImportFrom) and not is_program(node):
            if not (entered(node) & missing):
                pending.append(node)
    found: set[str] = set()

    def reach(name: str) -> None:
        if name not in found:
            found.add(name)
            pending.extend(definitions.get(name, []))

    for name in wanted:
        reach(name)
    while pending:
        for name in used(pending.pop(), missing):
            reach(name)
    return found


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements outside of functions and classes; of those that hold others, the conditions too."""
    for node in body:
        inner: list[ast.stmt] = []
        for field in ("body", "orelse", "finalbody"):
            part = getattr(node, field, None)
            inner += part if isinstance(part, list) else []
        for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            inner += part.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or not inner:
            yield node
        elif not is_program(node):
            for field in ("test", "iter", "subject"):
                if condition := getattr(node, field, None):
                    yield ast.copy_location(ast.Expr(condition), node)
            for item in getattr(node, "items", []):
                yield ast.copy_location(ast.Expr(item.context_expr), node)
            yield from statements(inner)


def is_program(node: ast.AST) -> bool:
    """Whether it is `if __name__ == "__main__":`, or for type checkers."""
    names = {it.id for it in ast.walk(node.test) if isinstance(it, ast.Name)} if isinstance(node, ast.If) else set()
    return bool(names & {"__name__", "TYPE_CHECKING"})


def first_name(node: ast.AST) -> set[str]:
    """The name that an expression of attributes, entries and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def entered(node: ast.AST) -> set[str]:
    """The name that a statement enters something into: `table["x"] = y`, `table.register(y)`; or what its function is of."""
    if isinstance(node, ast.Assign) and any(isinstance(it, ast.Attribute | ast.Subscript) for it in node.targets):
        return set().union(*map(first_name, node.targets))
    value = getattr(node, "value", None)
    if isinstance(node, ast.Expr | ast.Assign) and isinstance(value, ast.Call | ast.Attribute):
        return first_name(value)
    return set()


def used(node: ast.AST, missing: set[str]) -> Iterator[str]:
    """The names in a statement but for hints, and of a class but for base classes that are missing."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        # `globals()["g"]`, `getattr(module, "g")`.
        yield node.value
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if field == "bases" and first_name(child) & missing:
                continue
            yield from used(child, missing)


#: What takes a list for what it has in all.
REDUCES = frozenset("set frozenset sorted Counter sum max min any all mean fmean median stdev pstdev groupby combinations".split())
#: What goes through a list entry by entry, or asks how long it is.
GOES_THROUGH = frozenset("zip enumerate len list tuple iter reversed range map isinstance print repr str".split())


def compares(tree: ast.Module, name: str, lists: set[str]) -> int | None:
    """The line in which a function seems to look at several entries of the lists that it gets; `None` where it goes through them one by one."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name == name:
            return _compares(function, set(lists))
    return None


def _compares(function: ast.AST, lists: set[str]) -> int | None:
    for node in ast.walk(function):
        # What is made of a list, entry by entry, is one.
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.ListComp) and _of(node.value.generators[0].iter, lists):
            lists |= {it.id for it in node.targets if isinstance(it, ast.Name)}
    lines: list[int] = []

    def walk(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            for argument in [*node.args, *(it.value for it in node.keywords)]:
                made = isinstance(argument, ast.GeneratorExp | ast.ListComp | ast.SetComp) and _of(argument.generators[0].iter, lists)
                plain = isinstance(argument, ast.Name) and argument.id in lists
                if made and called in REDUCES or plain and called not in GOES_THROUGH:
                    lines.append(argument.lineno)
        through = isinstance(node, ast.For) and _of(node.iter, lists)
        comprehended = isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp) and any(
            _of(it.iter, lists) for it in node.generators
        )
        if inside and (through or comprehended):
            lines.append(getattr(node, "lineno", 0))
        for child in ast.iter_child_nodes(node):
            walk(child, inside or through or comprehended)

    walk(function, False)
    return min(lines, default=None)


def _of(node: ast.AST, lists: set[str]) -> bool:
    """Whether an expression goes through one of the lists: `x`, `zip(x, y)`, `enumerate(x)`, `range(len(x))`."""
    if isinstance(node, ast.Name):
        return node.id in lists
    called = getattr(node.func, "id", None) if isinstance(node, ast.Call) else None
    return called in GOES_THROUGH and isinstance(node, ast.Call) and any(_of(it, lists) for it in node.args)
