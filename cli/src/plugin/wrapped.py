# What `rlhost plugin new --from-python` asks about a file of Python: `FILE FUNCTION PACKAGES`. Nothing of the file runs. It stands behind the
# text of templates/python/rlhost/source.py, which reads imports. PACKAGES are names of modules that the plugin can have.

import json
import os
import sys

#: How lines begin, and what they hold, that an older Python than the plugins' may not know.
NEWER_LINES = ("type ", "except", "match ", "case ", "with ")
NEWER_TEXTS = ("[*", ": *", 'f"', "f'", 't"', "t'")


def main(path, wanted, packages):
    with open(path, "rb") as file:
        source = file.read()
    found = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    try:
        tree = ast.parse(source, path)
    except SyntaxError as error:
        found["broken"] = broken(source, error)
    else:
        nodes = list(statements(tree.body))
        found["functions"] = [it.name for it in nodes if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        parts, called = chain(wanted)
        found |= kind_of(tree.body, parts)
        found["called"] = called
        found["imports"] = list(needed(tree, parts[:1], set(packages.split(",")), os.path.dirname(path)))
    json.dump(found, sys.stdout)


def chain(wanted):
    """The names before the first call of `make(…)` or `Class().method`, and whether there is a call."""
    node = ast.parse(wanted, mode="eval").body
    names, called = [], False
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            names, called, node = [], True, node.func
        else:
            names, node = [node.attr, *names], node.value
    return [node.id, *names], called


def broken(source, error):
    """A syntax error, and whether it is one in every Python: an older one may not know what is new."""
    lines = source.decode("utf-8", "replace").splitlines()
    number = error.lineno or 1
    line = lines[number - 1].strip() if number <= len(lines) else ""
    head = line.split("(")[0]
    newer = (
        error.msg.startswith("f-string")
        or line.startswith(NEWER_LINES)
        or any(text in line.lower() for text in NEWER_TEXTS)
        or (head.startswith(("def ", "async def ", "class ")) and "[" in head)
    )
    sure = sys.version_info >= (3, 14) or not newer
    return {"line": number, "message": error.msg, "text": line, "sure": sure}


def kind_of(body, parts, above=None):
    """What the name stands for: `kind` is one of function, class, method, value, missing, unknown."""
    first, *rest = parts
    star = False
    found = None
    for node in statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name == first:
                found = node
        elif isinstance(node, ast.ImportFrom | ast.Import):
            star |= any(alias.name == "*" for alias in node.names)
            if any((alias.asname or alias.name.split(".")[0]) == first for alias in node.names):
                found = node
        elif any(
            isinstance(inner, ast.Name) and inner.id == first and isinstance(inner.ctx, ast.Store)
            for inner in ast.walk(node)
        ):
            found = node
    if found is None:
        return {"kind": "unknown" if star or above and above.bases else "missing"}
    told = {"line": found.lineno}
    if isinstance(found, ast.ClassDef):
        if rest:
            return kind_of(found.body, rest, found)
        methods = [it.name for it in found.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)]
        own = "__call__" in methods or any(not isinstance(it, ast.Name) or it.id != "object" for it in found.bases)
        return told | {"kind": "function" if own else "class", "methods": [it for it in methods if not it.startswith("_")]}
    if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*found.args.posonlyargs, *found.args.args]
        bound = any(isinstance(it, ast.Name) and it.id in ("staticmethod", "classmethod") for it in found.decorator_list)
        method = above and not bound and arguments and arguments[0].arg == "self"
        return told | {"kind": "method" if method else "function"}
    value = getattr(found, "value", None)
    if not rest and isinstance(value, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.JoinedStr):
        return told | {"kind": "value"}
    return told | {"kind": "unknown"}


def needed(tree, wanted, packages, folder):
    """The modules from outside of the standard library that run where the wanted function does."""
    # What the plugin can have it gets, if the file can do without or not.
    found = [it for it in imports(tree) if not is_known(it) and (not it.optional or it.module.split(".")[0] in packages)]
    missing = {name for it in found if it.module.split(".")[0] not in packages for name in it.binds}
    names = named(tree, wanted, missing)
    spared = {line for lines in unnamed(tree, names) for line in lines}
    for it in found:
        asked = {name for name in it.binds if not IS_AVAILABLE.fullmatch(name)}
        if it.line in spared or not it.inside and "*" not in it.binds and not asked & names:
            continue
        roots = [it.module.split(".")[-1 if it.level else 0]] if it.module else it.names
        for root in roots:
            beside = any(os.path.exists(os.path.join(folder, name)) for name in (root + ".py", root))
            yield {"module": root, "line": it.line, "beside": beside, "relative": it.relative}


def is_known(it):
    root = it.module.split(".")[0]
    return not it.relative and (root in sys.stdlib_module_names or root in ("rlhost", "wit_world"))


main(*sys.argv[1:])
