"""What the log calls the actions that the source records."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import deploystack
from deploystack.settings.audit import PREFIX
from deploystack.web.console.words import ACTIONS


def recorded() -> Iterator[str]:
    """Yield each action that is written out in the source: in a call of ``record``, or handed on.

    Those of settings are written without what they all begin with.
    """
    for path in Path(deploystack.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for action in _actions(node):
                yield action if "." in action else PREFIX + action


def _actions(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Call):
        named = _texts(each.value for each in node.keywords if each.arg == "action")
        is_record = ast.unparse(node.func).split(".")[-1] == "record"
        return named + (_texts(node.args)[:1] if is_record else [])
    if isinstance(node, ast.FunctionDef):
        defaults = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        return _texts(default for argument, default in defaults if argument.arg == "action")
    return []


def _texts(nodes: Iterable[ast.expr | None]) -> list[str]:
    """Return those of ``nodes`` that are texts."""
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str)]


def test_each_action_that_is_recorded_has_words() -> None:
    assert set(recorded()) == set(ACTIONS)
