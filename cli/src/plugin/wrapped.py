"""What `rlhost plugin new --from-python` asks about a file of Python: `FILE FUNCTION`. Nothing of the file runs."""

import ast
import json
import sys

#: How lines begin, and what they hold, that an older Python than the plugins' may not know.
NEWER_LINES = ("type ", "except", "match ", "case ", "with ")
NEWER_TEXTS = ("[*", ": *", 'f"', "f'", 't"', "t'")


def main(path, wanted):
    with open(path, "rb") as file:
        source = file.read()
    found = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    try:
        tree = ast.parse(source, path)
    except SyntaxError as error:
        found["broken"] = broken(source, error)
    else:
        names = []
        for node in statements(tree.body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.append(node.name)
        found["functions"] = names
        found |= named(tree.body, wanted.split("."))
        found["absent"] = [{"module": module, "line": line} for module, line in absent(tree)]
    json.dump(found, sys.stdout)


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


def statements(body):
    """The statements that bind names of a module or a class, those in branches too."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from statements(getattr(node, field, []))
        for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            yield from statements(part.body)


def named(body, parts, above=None):
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
        return named(found.body, rest, found) if rest else told | {"kind": "class"}
    if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*found.args.posonlyargs, *found.args.args]
        bound = any(isinstance(it, ast.Name) and it.id in ("staticmethod", "classmethod") for it in found.decorator_list)
        method = above and not bound and arguments and arguments[0].arg == "self"
        return told | {"kind": "method" if method else "function"}
    value = getattr(found, "value", None)
    if not rest and isinstance(value, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.JoinedStr):
        return told | {"kind": "value"}
    return told | {"kind": "unknown"}


def absent(tree, optional=False):
    """Modules that are imported where nothing catches their absence, and that are not the standard library's."""
    if isinstance(tree, ast.Import):
        modules = [alias.name for alias in tree.names]
    elif isinstance(tree, ast.ImportFrom) and tree.module and not tree.level:
        modules = [tree.module]
    else:
        modules = []
    if not optional:
        for module in modules:
            root = module.split(".")[0]
            if root not in sys.stdlib_module_names and root not in ("rlhost", "wit_world"):
                yield root, tree.lineno
    # What only some of the branches need, the build finds out.
    optional = optional or isinstance(tree, ast.Try | ast.If) or suppresses(tree)
    for child in ast.iter_child_nodes(tree):
        yield from absent(child, optional)


def suppresses(tree):
    """Whether it is `with suppress(…)`."""
    names = [ast.unparse(item.context_expr) for item in getattr(tree, "items", [])] if isinstance(tree, ast.With) else []
    return any(name.split("(")[0].split(".")[-1] == "suppress" for name in names)


main(*sys.argv[1:])
