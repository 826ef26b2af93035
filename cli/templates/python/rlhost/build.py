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
from collections.abc import Iterator
from typing import Any, NoReturn

from . import absent
from . import source as source_of
from .call import HERE

OWN = HERE + "/rlhost/"
#: The folder of the packages that plugin.toml requires; a file in it says that it is one.
PACKAGES = next((f"{path}/" for path in sys.path if os.path.isfile(f"{path}/rlhost-packages")), "\0")
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


def is_ours(path: str) -> bool:
    """Whether a file is the user's, or of a package that plugin.toml requires."""
    return is_own(path) or path.startswith(PACKAGES)


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
    offer_modules(trees)
    missing: list[str] = []
    stand_ins = absent.StandIns()
    stood_in: list[str] = []
    package = ""
    relative: list[str] = []
    own: list[tuple[source_of.Import, str, bool]] = []
    imported = {it.module for tree in trees.values() for it in source_of.imports(tree)}
    for file, tree in trees.items():
        found = list(source_of.imports(tree))
        lacking = [it for it in found if not it.optional and not it.inside and not is_relative_here(it) and not can_import(it)]
        names = source_of.named(tree, wanted if file == name else mentioned(trees, file), {key for it in lacking for key in it.binds})
        idle_lines = {line for lines in source_of.unnamed(tree, names) for line in lines}
        for it in found:
            place = f"src/{file}, line {it.line}"
            needed = not it.optional and it.line not in idle_lines
            spared = it in lacking and "*" not in it.binds and not {key for key in it.binds if not asks(key)} & names
            if it.relative:
                if not needed or file == "__init__.py" or file != name and file.removesuffix(".py") not in imported:
                    continue
                package = package or absent.packages()
                if file not in relative:
                    relative.append(file)
                if offer_relative(package, it):
                    continue
                if spared:
                    stand_ins.add(absent.absolute(package, it.module, it.level))
                    stood_in.append(without(place, "." * it.level + it.module, it.binds))
                    continue
                file_name = f"{it.module.split('.')[-1] or it.names[0]}.py"
                missing.append(f"{place}: a relative import, and src/ has no file {file_name}. Put the file that it means into src/ too")
                continue
            if is_in_src(it.module):
                # Files of src load when all modules that they may do without have stand-ins.
                own.append((it, place, needed))
                continue
            lacks = load_module(it)
            if lacks and spared and lacks.split(".")[0] == it.module.split(".")[0]:
                stand_ins.add(it.module)
                stood_in.append(without(place, it.module, it.binds))
            elif lacks and needed:
                missing += lost(lacks, it.module, place)
            elif lacks and not it.optional:
                notes.append(f"warning: {place}: there is no module `{it.module}`; nothing names the function that imports it")
        notes += source_of.idle(file, tree)
    if missing:
        raise Refused("\n".join(dict.fromkeys(missing)))
    notes += stood_in
    for file in relative:
        if file != name:
            load_file(file, package)
    for it, place, needed in own:
        lacks = load_module(it)
        if lacks and needed:
            missing += lost(lacks, it.module, place)
    if missing:
        raise Refused("\n".join(dict.fromkeys(missing)))
    module = load_file(name, package if name in relative else "")
    stand_ins.remove()
    if "asyncio" in sys.modules or any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(trees[name])):
        importlib.import_module("rlhost.loop").install()
    load_behind(before)
    load_encodings()
    return module


def load_file(name: str, package: str) -> Any:
    """Loads a file of `src`, as one of `package` where it has relative imports."""
    stem = name.removesuffix(".py")
    module_name = f"plugin_{stem}" if stem in sys.stdlib_module_names else stem
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, f"{HERE}/{name}")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if package:
        # The package is none that its name shows.
        module.__package__, module.__spec__ = package, None
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        del sys.modules[module_name]
        line = own_line(error)
        if error.name is None or line is None:
            raise
        raise Refused("\n".join(lost(error.name, error.name, line))) from None
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def load_module(it: source_of.Import) -> str | None:
    """Loads a module that a file imports, and what it takes from it; where there is no such module, or it needs one that is not there, the
    name of that."""
    try:
        made = importlib.import_module(it.module)
        if isinstance(made, absent.AbsentModule):
            return it.module
        for item in it.names:
            if item != "*" and not hasattr(made, item):
                attempt(f"{it.module}.{item}")
    except ModuleNotFoundError as error:
        return error.name or it.module
    except SyntaxError:
        raise
    except BaseException:
        # The file's own import raises it again, with a trace, unless it is not there to be met.
        return None
    return None


def is_in_src(module: str) -> bool:
    """Whether it is a file, or a folder, of `src`."""
    root = f"{HERE}/{module.split('.')[0]}"
    return os.path.isfile(f"{root}.py") or os.path.isdir(root) and not OWN.startswith(f"{root}/")


def offer_modules(trees: dict[str, ast.Module]) -> None:
    """Makes modules of rlhost's own findable: behind all others, but for those whose compiled parts the sandbox lacks."""
    standin = OWN + "standin"
    if standin not in sys.path:
        sys.path.append(standin)
    if "ctypes" not in sys.modules and importlib.util.find_spec("_ctypes") is None:
        spec = importlib.util.spec_from_file_location("ctypes", f"{standin}/ctypes.py")
        assert spec is not None and spec.loader is not None
        sys.modules["ctypes"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["ctypes"])
    modules = {it.module.split(".")[0] for tree in trees.values() for it in source_of.imports(tree)}
    if modules & {"concurrent", "multiprocessing"} and sys.platform == "wasi":
        importlib.import_module("rlhost.serial").install()


def mentioned(trees: dict[str, ast.Module], own: str) -> list[str]:
    """The names that other files may have of a file."""
    found: set[str] = set()
    for file, tree in trees.items():
        for node in ast.walk(tree) if file != own else ():
            if isinstance(node, ast.alias | ast.Attribute | ast.Constant):
                name = getattr(node, "attr", getattr(node, "name", getattr(node, "value", None)))
                if isinstance(name, str):
                    found.add(name)
    return sorted(found)


def asks(name: str) -> bool:
    """Whether a name is that of a function which says whether there is a module."""
    return source_of.IS_AVAILABLE.fullmatch(name) is not None


def is_relative_here(it: source_of.Import) -> bool:
    """Whether a relative import means a file of `src`."""
    if not it.relative:
        return False
    stems = [it.module.split(".")[-1]] if it.module else it.names
    return all(os.path.isfile(f"{HERE}/{stem}.py") for stem in stems)


def offer_relative(package: str, it: source_of.Import) -> bool:
    """Makes the file of `src` that a relative import means findable by it."""
    if not is_relative_here(it):
        return False
    for stem in [it.module.split(".")[-1]] if it.module else it.names:
        made = importlib.import_module(stem)
        name = absent.absolute(package, it.module, it.level)
        if it.module:
            sys.modules[name] = made
        else:
            setattr(sys.modules[name], stem, made)
    return True


def can_import(it: source_of.Import) -> bool:
    if it.relative:
        return False
    try:
        return is_in_src(it.module) or load_module(it) is None
    except SyntaxError:
        # Loading the file raises it again.
        return True


def without(place: str, module: str, names: list[str]) -> str:
    """What is said of a module that is stood in for."""
    listed = ", ".join(names)
    return f"warning: {place}: there is no module `{module}`; the plugin does without ({listed})"


def own_line(error: BaseException) -> str | None:
    """The last line of the plugin's own files that an exception came through."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if is_own(trace.tb_frame.f_code.co_filename):
            found = f"{shown(trace.tb_frame.f_code.co_filename)}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def lost(name: str, asked: str, place: str) -> list[str]:
    """A module that there is not, and what to do about it; of a package that lacks one, all that it lacks."""
    root, package = name.split(".")[0], asked.split(".")[0]
    if root.lstrip("_") in sys.stdlib_module_names or root in sys.stdlib_module_names:
        return [
            f"{place}: the module `{asked}` does not work in the sandbox: it needs `{name}` of the standard library, which does not exist "
            "there. Do without it, or import it in `try:` … `except ImportError:` if the function can"
            if package not in sys.stdlib_module_names
            else f"{place}: the module `{asked}` of the standard library does not exist in the sandbox (it needs `{name}`). Do without it, "
            "or import it in `try:` … `except ImportError:` if the function can"
        ]
    if root != package:
        roots = all_lost(asked, root)
        listed, wanted = ", ".join(f"`{it}`" for it in roots), ", ".join(f'"{it}"' for it in roots)
        return [
            f"{place}: `{asked}` needs {listed}, which neither plugin.toml requires nor any package that it requires. Add it to "
            f"`[python] requires` (the packages are most likely called {wanted}); packages with compiled parts can't be added"
        ]
    return [
        f"{place}: there is no module `{root}`. A plugin has Python's standard library, what lies in src/, and the packages of pure Python "
        f'that plugin.toml requires: `[python] requires = ["{root}"]`, if that is the package\'s name. One with compiled parts (numpy, '
        "torch) can't be had. If the function can do without it, import it in `try:` … `except ImportError:`"
    ]


def all_lost(asked: str, first: str) -> list[str]:
    """The modules that a package lacks. (There is no plugin after this.)"""
    found = [first]
    stand_ins = absent.StandIns()
    for _ in range(50):
        stand_ins.add(found[-1])
        try:
            importlib.import_module(asked)
        except ModuleNotFoundError as error:
            root = (error.name or "").split(".")[0]
            if not root or root in found or root in sys.stdlib_module_names:
                break
            found.append(root)
        except BaseException:
            break
        else:
            break
    stand_ins.remove()
    return found


def attempt(module: str) -> None:
    try:
        importlib.import_module(module)
    except BaseException:  # A module may raise anything when it is loaded.
        pass


def load_behind(before: set[str]) -> None:
    """Loads what the modules that were loaded import inside of their functions: of modules in `src` and of packages all, of the
    standard library's what those need that the plugin asked for."""
    for name in before:
        for needed in BEHIND.get(name, []):
            attempt(needed)
    seen: set[str] = set()
    while True:
        new = [name for name in list(sys.modules) if name not in seen and name not in before]
        ours = [name for name in new if is_ours(getattr(sys.modules[name], "__file__", None) or "")]
        chosen = new if not seen else ours
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
        with open(path, "rb") as opened:
            text = opened.read()
        # Packages have hundreds of files, and reading them whole takes longer than loading them.
        nodes = source_of.indented_imports(text) if path.startswith(PACKAGES) else source_of.called(ast.parse(text))
    except (OSError, SyntaxError, ValueError):
        # What is frozen into the interpreter names a file that is not there.
        return
    for node in nodes:
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


def offer_alarms() -> None:
    """Gives `signal` the functions that it lacks here, for code that guards itself with an alarm."""
    if not hasattr(signal, "alarm"):
        signal.alarm = lambda seconds: 0  # type: ignore[attr-defined]
        signal.setitimer = lambda which, seconds, interval=0.0: (0.0, 0.0)  # type: ignore[attr-defined]
        signal.getitimer = lambda which: (0.0, 0.0)  # type: ignore[attr-defined]
        signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF = 0, 1, 2  # type: ignore[attr-defined]
        signal.ItimerError = OSError  # type: ignore[attr-defined]


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
