"""The rules that hold the code together, read from its source: who may import whom, and what
a module may keep.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "deploystack"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 350

# Each layer may import its own and those before it. A top-level module that is not named here
# belongs to the first, so that none of them grows into a shortcut between domains by accident.
LAYERS = {
    "database": 1,
    "models": 2,
    "settings": 3,
    "auth": 4,
    "plugins": 5,
    "openapi": 6,
    "inspection": 6,
    "web": 7,
}
COMPOSITION = 8
LAYERS["testing"] = 9  # may make applications, so nothing imports it
COMPOSING = {"__init__", "__main__", "commands", "health", "server"}

IMPORTED_WHEN_USED = {
    "alembic",
    "apispec",
    "flask_migrate",
    "granian",
    "psycopg2",
    "pytest",
    "yaml",
}
STATEFUL_CALLS = {
    "Flask",
    "Session",
    "SQLAlchemy",
    "cache",
    "create_app",
    "create_engine",
    "defaultdict",
    "lru_cache",
    "open",
    "runtime_engine",
    "scoped_session",
    "sessionmaker",
}
CONTAINERS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
MUTATORS = {
    "add",
    "append",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "setdefault",
    "update",
}


def source(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name(path: Path) -> str:
    """Return the module's dotted name."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that are imported, relative ones made absolute."""
    package = name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def layer(dotted: str) -> int:
    """Return the layer of a module of ours, or of something in it."""
    parts = dotted.split(".")
    part = parts[1] if len(parts) > 1 else "__init__"
    if part in LAYERS:
        return LAYERS[part]
    is_module = (PACKAGE / f"{part}.py").exists()
    return COMPOSITION if part in COMPOSING or not is_module else 0


def domain(dotted: str) -> str | None:
    part = dotted.split(".")[1:2]
    return part[0] if part and part[0] in LAYERS else None


def test_the_modules_are_found() -> None:
    names = {name(path) for path in MODULES}

    assert {"deploystack", "deploystack.database.engines", "deploystack.config"} <= names


def test_imports_go_one_way() -> None:
    wrong = [
        f"{name(path)} imports {imported}"
        for path in MODULES
        for imported in imports(path, source(path))
        if imported.split(".")[0] == "deploystack"
        and (
            layer(imported) > layer(name(path))
            or (layer(imported) == layer(name(path)) and domain(imported) != domain(name(path)))
        )
    ]

    assert wrong == []


def test_only_plain_modules_lie_at_the_top() -> None:
    """A new package joins a layer here before it is used."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert packages <= LAYERS.keys()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_keeps_no_state(path: Path) -> None:
    tree = source(path)
    own = {target.id for target, _ in assigned(tree)}
    found = [f"{t.id} = {ast.unparse(v)}" for t, v in assigned(tree) if is_stateful(t.id, v)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.FunctionDef):
            found += [f"{node.name}: {text}" for text in changes(node, own)]
            found += [
                f"@{ast.unparse(decorator)} {node.name}"
                for decorator in node.decorator_list
                if called(decorator) & {"cache", "lru_cache"}
            ]

    assert found == []


def assigned(tree: ast.Module) -> Iterator[tuple[ast.Name, ast.expr]]:
    """Yield each name that the module assigns as it is imported, and what."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for item in ast.walk(target):
                    if isinstance(item, ast.Name):
                        yield item, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target, node.value


def is_stateful(variable: str, value: ast.expr) -> bool:
    """Tell a table of constants, in capitals and filled, from something that is filled later."""
    calls = {n for node in ast.walk(value) if isinstance(node, ast.Call) for n in called(node)}
    is_container = isinstance(value, CONTAINERS) or bool(called(value) & {"dict", "list", "set"})
    is_empty = ast.unparse(value) in {"{}", "[]", "dict()", "list()", "set()"}
    is_constant = variable.lstrip("_").isupper() or variable == "__all__"
    return bool(calls & STATEFUL_CALLS) or (is_container and (is_empty or not is_constant))


def called(node: ast.AST) -> set[str]:
    """Return the name of the function that ``node`` calls or is."""
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute):
        return {function.attr}
    return {function.id} if isinstance(function, ast.Name) else set()


def changes(function: ast.FunctionDef, names: set[str]) -> Iterator[str]:
    """Yield what ``function`` does to containers of its module."""
    own = {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
    own |= {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }

    def is_shared(node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in names - own

    for node in ast.walk(function):
        if (
            isinstance(node, ast.Subscript | ast.Attribute)
            and not isinstance(node.ctx, ast.Load)
            and is_shared(node.value)
        ) or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in MUTATORS
            and is_shared(node.func.value)
        ):
            yield ast.unparse(node)


def test_engines_are_created_in_one_place() -> None:
    places = {
        name(path)
        for path in MODULES
        for node in ast.walk(source(path))
        if isinstance(node, ast.Call)
        and called(node) & {"create_engine", "create_pool_from_url", "engine_from_config"}
    }

    assert places == {"deploystack.database.engines"}


def test_serving_imports_nothing_that_is_used_later() -> None:
    """They are slow to import, and a start with nothing to do needs none of them."""
    program = """if True:
        import sys, json, tempfile
        import deploystack
        with tempfile.TemporaryDirectory() as folder:
            app = deploystack.create_app({"DEPLOYSTACK_DATA_DIR": folder})
            app.test_client().get("/api/db/status")
        print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
    """
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    loaded = set(json.loads(result.stdout))

    assert {"deploystack", "flask", "sqlalchemy"} <= loaded
    assert loaded & IMPORTED_WHEN_USED == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_what_is_public_says_what_it_is_for(path: Path) -> None:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    silent = [
        getattr(node, "name", name(path))
        for node in public(source(path))
        if isinstance(node, kinds) and not ast.get_docstring(node)
    ]

    assert silent == []


def public(node: ast.AST) -> Iterator[ast.AST]:
    """Yield ``node`` and what is public in it, classes' methods too, functions' insides not."""
    yield node
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if not getattr(child, "name", "_").startswith("_"):
                yield from public(child)


def test_no_file_is_long() -> None:
    lengths = {name(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}

    assert {n: lines for n, lines in lengths.items() if lines > MAX_LINES} == {}
