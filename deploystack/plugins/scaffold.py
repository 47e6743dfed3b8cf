"""``flask plugins new``: writes a plugin that works, to be changed into the one that is wanted."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from string import Template

from ..errors import ApiError
from .rules import NAME, is_reserved

# Where each file of the template goes.
FILES = {
    "setup.cfg": "setup.cfg",
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "init.py": "deploystack_$name/__init__.py",
    "models.py": "deploystack_$name/models.py",
    "schemas.py": "deploystack_$name/schemas.py",
    "routes.py": "deploystack_$name/routes.py",
    "revision.py": "deploystack_$name/migrations/${revision}_first_tables.py",
    "tests.py": "tests/test_$name.py",
}


def write(name: str, into: Path) -> Path:
    """Write a new plugin.

    Args:
        name: its name.
        into: the folder in which ``deploystack-NAME`` is made.

    Returns:
        The folder that was made.

    Raises:
        ApiError: the name cannot be used, or the folder is there already.
        OSError: it cannot be written.
    """
    if not NAME.fullmatch(name) or is_reserved(name):
        raise ApiError(
            400,
            "plugin_name_invalid",
            "A plugin's name consists of at most 40 lower-case letters and digits, begins with a "
            "letter, and is not reserved. Choose another one.",
        )
    folder = into / f"deploystack-{name}"
    if folder.exists():
        raise ApiError(
            409, "plugin_name_taken", f"There is a folder {folder} already. Choose another name."
        )
    # The same each time, so that the example in the repository can be compared with it.
    values = {
        "name": name,
        "Name": name.capitalize(),
        "revision": hashlib.sha256(name.encode()).hexdigest()[:12],
    }
    for source, target in FILES.items():
        path = folder / Template(target).substitute(values)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = files(__package__).joinpath("template", f"{source}.txt").read_text("utf-8")
        path.write_text(Template(text).substitute(values), encoding="utf-8")
    return folder
