"""What the log calls the actions that the source records."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "record":
                found = [argument for argument in node.args if isinstance(argument, ast.Constant)]
                yield from (_whole(str(argument.value)) for argument in found[:1])
            elif isinstance(node, ast.FunctionDef):
                names = (argument.arg for argument in node.args.kwonlyargs)
                for name, default in zip(names, node.args.kw_defaults, strict=True):
                    if name == "action" and isinstance(default, ast.Constant):
                        yield _whole(str(default.value))
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "action" and isinstance(keyword.value, ast.Constant):
                        yield _whole(str(keyword.value.value))


def _whole(action: str) -> str:
    return action if "." in action else PREFIX + action


def test_each_action_that_is_recorded_has_words() -> None:
    assert set(recorded()) == set(ACTIONS)
