"""The documentation, held to the code: codes, variables, commands, links, examples.

What a reader is told is collected from the pages, what is true from the source or by running it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask

from deploystack import Config
from deploystack.config import ConfigError
from deploystack.errors import CODES, SENTENCES
from tests.conftest import MakeApp
from tests.support.pages import (
    DOCS,
    PAGES,
    README,
    blocks,
    code,
    page_id,
    prose,
    quoted,
    slugs,
    table,
)
from tests.support.server import ROOT

API = DOCS / "reference" / "setup-api.md"
CODES_PAGE = DOCS / "reference" / "error-codes.md"
ACCOUNTS = DOCS / "reference" / "accounts.md"
CONFIGURATION = DOCS / "reference" / "configuration.md"
SOURCES = sorted((ROOT / "deploystack").rglob("*.py"))
FOR_OPERATORS = [ROOT / "Dockerfile", *ROOT.glob("compose*.yaml"), *ROOT.glob("deploy/*")]


# --- Error codes ------------------------------------------------------------------------------

CODE = re.compile(r"[a-z]+(_[a-z0-9]+)+")


class Codes:
    """The error codes in sources, found wherever an argument called ``code`` is given.

    Names are followed to what is assigned to them, in the same module or at the top of another;
    so tables of codes are found as well.

    Args:
        trees: the modules.
    """

    def __init__(self, trees: list[ast.Module]) -> None:
        self.trees = trees
        self.takers = dict(taker for tree in trees for taker in self._takers(tree))
        self.shared = self._assigned([node for tree in trees for node in tree.body])

    def all(self) -> dict[str, set[int]]:
        """Return each code with the statuses that stand beside it."""
        found: dict[str, set[int]] = {}
        for tree in self.trees:
            own = self._assigned(list(ast.walk(tree)))
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for name in re.findall(r"\[([a-z]+(?:_[a-z]+)+)\]", node.value):
                        found.setdefault(name, set())  # as commands print it
                if isinstance(node, ast.Call) and (given := self._given(node)) is not None:
                    for name in self._strings(given, own, set()):
                        found.setdefault(name, set()).update(self._status(node))
        return found

    @staticmethod
    def _takers(tree: ast.Module) -> Iterator[tuple[str, int]]:
        """Yield what takes a code: the name of a function or class, and at which place."""
        for node in ast.walk(tree):
            methods = node.body if isinstance(node, ast.ClassDef) else []
            for function in [node, *methods]:
                if not isinstance(function, ast.FunctionDef):
                    continue
                names = [argument.arg for argument in function.args.args]
                if "code" in names and isinstance(node, ast.ClassDef):
                    yield node.name, names.index("code") - 1
                elif "code" in names and names[0] != "self":
                    yield function.name, names.index("code")

    def _given(self, call: ast.Call) -> ast.expr | None:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else None
        name = call.func.id if isinstance(call.func, ast.Name) else name
        place = self.takers.get(name or "")
        if place is None:
            return None
        by_name = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        return (by_name or call.args[place : place + 1] or [None])[0]

    @staticmethod
    def _status(call: ast.Call) -> set[int]:
        values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        return {value for value in values if isinstance(value, int)}

    @staticmethod
    def _assigned(nodes: list[ast.stmt] | list[ast.AST]) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for node in nodes:
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AnnAssign | ast.For | ast.comprehension | ast.NamedExpr):
                targets = [node.target]
            value = node.iter if isinstance(node, ast.For | ast.comprehension) else None
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                value = node.value
            for name in (name for target in targets for name in ast.walk(target)):
                if isinstance(name, ast.Name) and value is not None:
                    found.setdefault(name.id, []).append(value)
        return found

    def _item(self, given: ast.Subscript) -> ast.expr | None:
        """Return what a table holds at a constant key."""
        for value in self.shared.get(ast.unparse(given.value), []):
            for key, item in (
                zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
            ):
                if key and ast.unparse(key) == ast.unparse(given.slice):
                    return item
        return None

    def _strings(
        self, given: ast.AST, own: Mapping[str, list[ast.expr]], seen: set[str]
    ) -> Iterator[str]:
        if ast.unparse(given).startswith("getattr("):  # what follows names an attribute
            return
        if isinstance(given, ast.Subscript) and isinstance(given.slice, ast.Constant):
            given = self._item(given) or given
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            if CODE.fullmatch(given.value):
                yield given.value
        elif isinstance(given, ast.Name) and given.id not in seen:
            seen.add(given.id)
            for value in own.get(given.id) or self.shared.get(given.id, []):
                yield from self._strings(value, own, seen)
        for node in ast.iter_child_nodes(given):
            yield from self._strings(node, own, seen)


@cache
def codes_in_code() -> dict[str, set[int]]:
    found = Codes([ast.parse(path.read_text("utf-8")) for path in SOURCES]).all()
    for status in SENTENCES.keys() - CODES.keys():  # an HTTP error is named by its standard
        name = HTTPStatus(status).phrase.lower().replace(" ", "_")
        found.setdefault(name, set()).add(status)
    return found


def codes_in_docs() -> dict[str, dict[str, str]]:
    rows = table(CODES_PAGE, "code")
    names = [quoted(row["code"]) for row in rows]
    assert len(names) == len(set(names)), "a code is there twice"
    return dict(zip(names, rows, strict=True))


def test_codes_are_found_however_they_are_given() -> None:
    found = Codes(
        [
            ast.parse(text)
            for text in (
                "class Problem(Exception):\n"
                "    def __init__(self, status, code, text): ...\n"
                "def problem(code): return Problem(422, code, '')\n"
                "TABLE = {'X': ('from_table', 'a sentence')}\n"
                "CODES = {413: 'not_this', 415: 'this_item'}\n"
                "LATER = tuple((p, c) for c, p in (('from_loop', r'x_y|z'),))\n",
                "raise Problem(409, 'plain_code', 'not_a_code')\n"
                "problem('by_helper')\n"
                "errors.problem(code='by_name')\n"
                "what = 'if_so' if x else 'if_not'\n"
                "Problem(401, what, '')\n"
                "name, text = TABLE.get(x, ('by_default', ''))\n"
                "problem(name)\n"
                "problem(next((c for _, c in LATER), None))\n"
                "Problem(415, CODES[415], '')\n"
                "print(f'{x}: [in_brackets]')\n",
            )
        ]
    ).all()

    assert found == {
        "plain_code": {409},
        "by_helper": set(),
        "by_name": set(),
        "if_so": {401},
        "if_not": {401},
        "from_table": set(),
        "by_default": set(),
        "from_loop": set(),
        "this_item": {415},
        "in_brackets": set(),
    }


def test_the_source_has_the_codes_that_everyone_knows() -> None:
    known = {"already_configured", "db_locked", "db_tls_failed", "invalid_json", "not_found"}

    assert known <= codes_in_code().keys()


def test_every_code_is_documented() -> None:
    assert codes_in_code().keys() - codes_in_docs().keys() == set()


def test_no_documented_code_is_unknown() -> None:
    assert codes_in_docs().keys() - codes_in_code().keys() == set()


def test_codes_are_documented_with_their_status() -> None:
    documented = codes_in_docs()
    wrong = {
        name: statuses
        for name, statuses in codes_in_code().items()
        if not statuses <= set(map(int, re.findall(r"\d+", documented[name].get("status", ""))))
        and "where" not in documented[name]
    }

    assert wrong == {}


def test_each_code_says_what_it_means_and_what_to_do() -> None:
    assert [row for row in codes_in_docs().values() if not all(row.values())] == []


def test_the_guide_to_what_is_wrong_leads_on_from_every_code() -> None:
    """By a table of its own: who searches the page for a code comes to the row that explains it."""
    sections = (DOCS / "reference/error-codes.md").read_text("utf-8").split("\n## ")[1:]
    expected = {
        section.partition("\n")[0]: re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        for section in sections
    }
    rows = table(DOCS / "how-to/troubleshooting.md", "codes")
    listed = {
        row["what each means, and what to do"][1:].partition("]")[0]: code(row["codes"])
        for row in rows
    }

    assert listed == expected
    assert {name for names in listed.values() for name in names} == codes_in_code().keys()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_page_names_no_unknown_code(page: Path) -> None:
    known = codes_in_code().keys()
    named = [text for text in code(page.read_text("utf-8")) if CODE.fullmatch(text)]
    like_codes = [
        text
        for text in named
        if text.startswith(("db_", "database_", "migration_", "plugin_", "selecti"))
    ]

    assert [text for text in like_codes if text not in known] == []


# --- Configuration ----------------------------------------------------------------------------


def variables_in_code() -> dict[str, str]:
    """Return each variable that is read, and the field of the configuration it becomes."""
    tree = ast.parse((ROOT / "deploystack" / "config.py").read_text("utf-8"))
    found = {}
    for keyword in (node for node in ast.walk(tree) if isinstance(node, ast.keyword)):
        match keyword.value:
            case ast.Call(ast.Attribute(ast.Name("env"), kind), [ast.Constant(str(name)), *_]):
                found[name] = keyword.arg or ""
                if kind == "secret":
                    found[f"{name}_FILE"] = ""
    return found


def variables_in_docs() -> dict[str, dict[str, str]]:
    return {quoted(row["variable"]): row for row in table(CONFIGURATION, "variable")}


def test_variables_are_found_in_the_code() -> None:
    found = variables_in_code()

    assert found["PORT"] == "port"
    assert {"DEPLOYSTACK_DATA_DIR", "DEPLOYSTACK_DATABASE_URL_FILE"} <= found.keys()


def test_every_variable_is_documented_and_no_other() -> None:
    assert variables_in_docs().keys() == variables_in_code().keys()


@pytest.mark.parametrize("name", variables_in_docs())
def test_the_documented_default_is_the_default(name: str) -> None:
    cell = variables_in_docs()[name]["default"]
    field = variables_in_code()[name]
    default = getattr(Config.from_environment({}), field) if field else None
    if isinstance(default, Path):
        default = default.relative_to(ROOT)
    if isinstance(default, float):
        default = f"{default:g}"
    if name == "DEPLOYSTACK_LOG_FORMAT":
        assert cell == "`human` on a terminal, else `json`"
    elif default is None or default == frozenset():
        assert cell == "none"
    else:
        assert cell.split(" ")[0] == f"`{default}`"


@pytest.mark.parametrize("name", variables_in_docs())
def test_documented_values_are_allowed(name: str, tmp_path: Path) -> None:
    row = variables_in_docs()[name]
    example, allowed = quoted(row["example"]), row["allowed"]
    if "exists" in allowed:
        example = str(tmp_path)
    if name.endswith("_FILE"):
        (tmp_path / "secret").write_text(quoted(variables_in_docs()[name[:-5]]["example"]))
        example = str(tmp_path / "secret")
    choices = re.findall(r"`([^`]+)`", allowed) if re.fullmatch(r"(`\w+`(, )?)+", allowed) else []

    for value in [example, *choices]:
        Config.from_environment({name: value})

    if bounds := re.match(r"([\d.]+) to ([\d.]+)", allowed):
        low, high = bounds.groups()
        for value in (low, high):
            Config.from_environment({name: value})
        for value in (f"-{low}", str(int(high) + 1)):
            with pytest.raises(ConfigError, match=name):
                Config.from_environment({name: value})


@pytest.mark.parametrize("path", [*PAGES, *SOURCES, *FOR_OPERATORS], ids=page_id)
def test_no_unknown_variable_is_named(path: Path) -> None:
    reading = [*(ROOT / "deploystack" / "testing").glob("*.py"), ROOT / "tests/support/browser.py"]
    for_tests = {
        name
        for file in reading
        for name in re.findall(r"\"(DEPLOYSTACK_TEST_[A-Z_]+)\"", file.read_text("utf-8"))
    }
    named = set(re.findall(r"\bDEPLOYSTACK_[A-Z_]*[A-Z]\b", path.read_text("utf-8")))

    assert named - variables_in_code().keys() - for_tests == set()


# --- Commands ---------------------------------------------------------------------------------


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_each_make_target_exists(page: Path) -> None:
    named = {
        target
        for text in code(page.read_text("utf-8"))
        for target in re.findall(r"(?<![\w./-])make ([a-z][a-z-]*)", text)
    }

    assert named - make_targets() == set()


GROUPS = {
    "db": "deploystack.database.cli",
    "openapi": "deploystack.openapi.cli",
    "plugins": "deploystack.plugins.cli",
    "settings": "deploystack.settings.cli",
    "tokens": "deploystack.auth.cli",
    "users": "deploystack.auth.cli",
}


def flask_commands(text: str) -> list[tuple[str, str, list[str]]]:
    """Return each command of ours in a piece of code.

    Returns:
        For each its group, its name, and the options it is given.
    """
    found = []
    for start in re.finditer(
        r"flask (?:--app wsgi )?(db|openapi|plugins|settings|tokens|users) "
        r"(?:-x plugin=\w+ )?(?=[a-z])",
        text,
    ):
        tail = re.split(r"\bflask ", text[start.end() :])[0]
        words = re.split(r"\s+[#|&;]|[|&;`)]", tail)[0].split()
        options = [word for word in words[1:] if re.fullmatch(r"--?[a-z-]+", word)]
        found.append((start[1], words[0], options))
    return found


def test_commands_are_found_in_the_code_of_a_page() -> None:
    assert flask_commands("echo x | flask --app wsgi db setup --type a - # flask db -x") == [
        ("db", "setup", ["--type"])
    ]
    assert flask_commands("`flask db …` and flask db reset --yes --no-such") == [
        ("db", "reset", ["--yes", "--no-such"])
    ]
    assert flask_commands("flask db -x plugin=notes check") == [("db", "check", [])]
    assert flask_commands('flask plugins migrate notes -m "add a table"   # flask db it') == [
        ("plugins", "migrate", ["-m"]),
        ("db", "it", []),
    ]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_each_flask_command_exists_with_its_options(page: Path) -> None:
    groups = {name: getattr(import_module(module), name) for name, module in GROUPS.items()}
    named = [c for text in code(page.read_text("utf-8")) for c in flask_commands(text)]
    unknown = [
        (group, name, option)
        for group, name, options in named
        for option in ["", *options]
        if name not in groups[group].commands
        or (
            option
            and option not in {o for p in groups[group].commands[name].params for o in p.opts}
        )
    ]

    assert unknown == []


def test_the_page_of_commands_has_every_group(app: Flask) -> None:
    text = (DOCS / "reference" / "commands.md").read_text("utf-8")
    made = re.findall(r"^\.\. click:: ([\w.]+):(\w+)\n   :prog: flask (\w+)$", text, re.MULTILINE)

    assert {prog: module for module, _, prog in made} == GROUPS
    # flask db is found by its entry point.
    assert {"db", *app.cli.commands} == GROUPS.keys()


@pytest.mark.parametrize(("group", "source"), [("db", "database"), ("plugins", "plugins")])
def test_the_readme_names_every_command_of_ours(group: str, source: str) -> None:
    own = set(
        re.findall(
            r'^@command\("([a-z-]+)"\)',
            (ROOT / "deploystack" / source / "cli.py").read_text("utf-8"),
            re.MULTILINE,
        )
    )
    named = {
        name
        for text in code(README.read_text("utf-8"))
        for of, name, _ in flask_commands(text)
        if of == group
    }

    assert own & {"status", "setup", "reset", "list", "show", "purge"}
    assert own - named == set()


# --- Links and lists --------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8"))):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in slugs(target)):
            broken.append(link)

    assert broken == []


def test_every_page_is_listed() -> None:
    linked = set()
    for index in (DOCS / "index.md", DOCS / "decisions" / "README.md"):
        links = re.findall(r"\]\(([^)\s#]+)\)", index.read_text("utf-8"))
        linked |= {(index.parent / link).resolve() for link in links}

    assert set(DOCS.rglob("*.md")) - linked - {DOCS / "index.md"} == set()


@pytest.mark.parametrize("path", [*SOURCES, *FOR_OPERATORS], ids=page_id)
def test_pages_that_the_code_refers_to_exist(path: Path) -> None:
    named = set(re.findall(r"\bdocs/[\w/.-]+\.md\b", path.read_text("utf-8")))

    assert [page for page in named if not (ROOT / page).is_file()] == []


def test_the_architecture_lists_every_module() -> None:
    text = (DOCS / "explanation/architecture.md").read_text("utf-8")
    [tree] = [b.text for b in blocks(text) if b.text.startswith("wsgi.py")]
    part = tree[tree.index("deploystack/\n") : tree.index("\nmigrations/ ")]
    named = re.findall(r"^ +([\w.]+\.py|\w+/)(?:, ([\w.]+\.py))? ", part, re.MULTILINE)
    listed = sorted(name for names in named for name in names if name)
    package = ROOT / "deploystack"
    folders = {path.parent for path in SOURCES} - {package}
    modules = [path for path in SOURCES if path.parent.name != "models"]
    expected = [path.name for path in modules if path.name != "__init__.py"]

    assert listed == sorted(["__init__.py", *expected, *(f"{folder.name}/" for folder in folders)])


def test_constants_have_the_value_that_is_told() -> None:
    values = {
        name: str(value)
        for path in SOURCES
        for name, value in re.findall(
            r"^([A-Z_]+_SECONDS) = ([\d.]+)$", path.read_text("utf-8"), re.MULTILINE
        )
    }
    told = {
        found
        for page in PAGES
        for found in re.findall(r"`([A-Z_]+)`\s\(([\d.]+) s\)", page.read_text("utf-8"))
    }

    assert told
    assert [(name, value) for name, value in told if float(values[name]) != float(value)] == []


# --- Examples ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_examples_of_json_and_python_parse(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "python":
            ast.parse(block.text)


def test_every_file_in_the_data_folder_is_explained(make_app: MakeApp, data_dir: Path) -> None:
    explained = {quoted(row["file"]) for row in table(README, "file")}
    client = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE="always").test_client()
    assert client.post("/api/db/setup", json={"type": "sqlite"}).status_code == 401
    token = (data_dir / "setup.token").read_text().strip()
    found = set(data_dir.rglob("*"))
    headers = {"X-Setup-Token": token}
    assert client.post("/api/db/setup", json={"type": "sqlite"}, headers=headers).status_code == 200
    found |= {path for path in data_dir.rglob("*") if path.is_file()}
    names = {str(path.relative_to(data_dir)) for path in found}

    assert "db.selection.json" in names
    assert names - explained == set()
