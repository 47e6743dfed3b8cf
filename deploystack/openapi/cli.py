"""``flask openapi``: write the documentation of the API to a file. Needs no server, no database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import get_args

import click
from flask import current_app
from flask.cli import with_appcontext

from .kept import Format, get_texts


@click.group()
def openapi() -> None:
    """Write the documentation of the API."""


@openapi.command("write")
@click.option(
    "--format", "kind", type=click.Choice(get_args(Format)), default="json", help="How to write it."
)
@click.option(
    "--without-plugins", is_flag=True, help="Leave out the routes of the plugins installed here."
)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@with_appcontext
def write(kind: Format, without_plugins: bool, file: Path) -> None:
    """Write all routes of this application to FILE; - is standard output.

    As json or yaml it is a document of OpenAPI 3.1, as markdown a page to read, as postman a
    collection to import into Postman.
    """
    text = get_texts(current_app).text(kind, with_plugins=not without_plugins)
    try:
        if str(file) == "-":
            click.echo(text, nl=False)
        elif file.exists() and not file.is_file():  # such as /dev/stdout
            file.write_text(text, "utf-8")
        else:
            _replace(file.resolve(), text)
    except BrokenPipeError:  # whoever reads has read enough, and click knows
        raise
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None


def _replace(file: Path, text: str) -> None:
    """Write ``file`` whole or not at all, so that what was there is not lost to a full disk."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        if file.exists():
            shutil.copymode(file, draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
