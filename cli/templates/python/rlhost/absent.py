"""Modules that a file imports, that are not there, and that the wanted function can do without.

A reward often lies in a file of its trainer, which imports much of that trainer at its top:

    from swift.plugin import ORM, orms     # a base class and a table: the reward works without
    from .utils import is_e2b_available    # asked once, outside of functions: the answer is no
    import torch                           # of another function in the file

While the file is loaded, stand-ins take the places of these modules. They may be called, subclassed and written to then; whatever
asks one for a value gets an error, and so does every use of one later. What the wanted function names is not stood in for: that is
missing.
"""

import importlib
import importlib.util
import sys
import types
from importlib.machinery import ModuleSpec
from typing import Any

from . import Internal
from .source import IS_AVAILABLE

#: The packages in the place of those that a relative import leads to: a file may be this deep in its own.
DEPTH = 6
PACKAGE = "rlhost_src"


class Absent:
    """Something of a module that is not there."""

    #: whether the plugin's files are being loaded
    building = True

    def __init__(self, name: str):
        object.__setattr__(self, "_name", name)

    def _refuse(self, *_: Any) -> Any:
        name = object.__getattribute__(self, "_name")
        raise Internal(f"`{name}` is of a module that is not there: the plugin was built without it")

    def __repr__(self) -> str:
        return f"`{object.__getattribute__(self, '_name')}`"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not Absent.building:
            self._refuse()
        return Absent(f"{object.__getattribute__(self, '_name')}.{name}")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        name = object.__getattribute__(self, "_name")
        if asked := IS_AVAILABLE.fullmatch(name.split(".")[-1]):
            return is_there(asked[1])
        if not Absent.building:
            self._refuse()
        # A decorator.
        if len(arguments) == 1 and not named and (isinstance(arguments[0], (type, types.FunctionType))):
            return arguments[0]
        return Absent(f"{name}(…)")

    def __mro_entries__(self, _: Any) -> tuple[()]:
        return ()

    def __setattr__(self, *_: Any) -> None:
        if not Absent.building:
            self._refuse()

    __setitem__ = __setattr__
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __float__ = __int__ = __index__ = __str__ = __format__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __mul__ = __rmul__ = __enter__ = _refuse  # type: ignore[assignment]
    __hash__ = object.__hash__


def is_there(module: str) -> bool:
    if module in sys.modules:
        return not isinstance(sys.modules[module], AbsentModule)
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


class AbsentModule(types.ModuleType):
    """A module that is not there."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None, is_package=True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}".removeprefix(f"{PACKAGE}.").replace(f"{PACKAGE}.", ""))


class StandIns:
    """The modules that are stood in for while files are loaded."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def add(self, module: str) -> None:
        """Stands in for a module, and for those above it that are not there either."""
        Absent.building = True
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name not in sys.modules:
                sys.modules[name] = AbsentModule(name)
                self._names.append(name)

    def remove(self) -> None:
        """From here on, what the files have of these modules is refused, and importing one fails."""
        for name in self._names:
            sys.modules.pop(name, None)
        Absent.building = False


def packages() -> str:
    """Makes the packages that relative imports are of; the name of the innermost one."""
    name = ""
    for _ in range(DEPTH):
        name = f"{name}.{PACKAGE}" if name else PACKAGE
        if name not in sys.modules:
            module = types.ModuleType(name)
            module.__path__ = []
            sys.modules[name] = module
    return name


def absolute(package: str, module: str, level: int) -> str:
    """The name of the module that a relative import means in a file of `package`."""
    base = package.rsplit(".", level - 1)[0]
    return f"{base}.{module}" if module else base
