"""The sizes of C's types, which is what libraries of pure Python ask `ctypes` for when they are imported.

There are no foreign functions in the sandbox: every other name is an AttributeError that says so.
"""

from typing import Any


class _Type:
    def __init__(self, name: str, size: int):
        self.__name__ = name
        self.size = size


#: As wasm32 has them, which the interpreter is compiled for.
_SIZES = {
    "c_bool": 1, "c_char": 1, "c_byte": 1, "c_ubyte": 1, "c_short": 2, "c_ushort": 2, "c_int": 4, "c_uint": 4, "c_long": 4,
    "c_ulong": 4, "c_longlong": 8, "c_ulonglong": 8, "c_size_t": 4, "c_ssize_t": 4, "c_void_p": 4, "c_char_p": 4, "c_wchar": 4,
    "c_float": 4, "c_double": 8, "c_int8": 1, "c_uint8": 1, "c_int16": 2, "c_uint16": 2, "c_int32": 4, "c_uint32": 4,
    "c_int64": 8, "c_uint64": 8,
}  # fmt: skip
globals().update({_name: _Type(_name, _size) for _name, _size in _SIZES.items()})


def sizeof(kind: _Type) -> int:
    return kind.size


def __getattr__(name: str) -> Any:
    raise AttributeError(f"ctypes.{name}: there are no foreign functions in the sandbox; of `ctypes` it has the sizes of C's types")
