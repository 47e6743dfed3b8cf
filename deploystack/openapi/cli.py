"""``flask openapi``: write the documentation of the API to a file. Needs no server, no database."""

from __future__ import annotations

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

    As json or yaml it is a document of OpenAPI 3.1, as postman a collection to import into Postman.
    """
    text = get_texts(current_app).text(kind, with_plugins=not without_plugins)
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
