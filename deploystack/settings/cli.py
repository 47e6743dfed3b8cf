"""``flask settings``: look at settings and change them, for whoever runs the server."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from flask import current_app
from marshmallow import ValidationError

from ..database.commanding import adding_to
from ..database.reading import reader
from . import audit, values, wire
from .condition import HEALTHY, condition
from .groups import settings_in
from .reading import all_settings, find_setting
from .rotation import rotate
from .service import Settings, get_settings
from .store import Store
from .texts import check_no_placeholder
from .transfer import exported, import_all


@click.group()
def settings() -> None:
    """Look at settings, change them, and change the key that seals secrets."""


command = adding_to(settings, connected=True)


@command("list")
@click.option("--group", "group_id", help="Only those in this group.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_settings(group_id: str | None, as_json: bool) -> None:
    """Show all settings; of secrets only whether they are set."""
    session = reader()
    rows = settings_in(session, group_id) if group_id else all_settings(session)
    shown = [wire.setting(row, _settings().definitions) for row in rows]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    for entry in shown:
        mark = "" if entry["is_declared"] else "  (not declared)"
        click.echo(f"{entry['key']:36} {entry['type']:8} {_one_line(entry['value'])}{mark}")


@command("get")
@click.argument("key")
@click.option("--reveal", is_flag=True, help="Show a secret. The audit log keeps that you did.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def get(key: str, reveal: bool, as_json: bool) -> None:
    """Print the value of one setting."""
    definitions = _settings().definitions
    row = find_setting(reader(), definitions, key)
    shown = wire.setting(row, definitions)
    if reveal and row.is_encrypted:
        with _settings().changing(audit.operator()) as store:
            shown = wire.revealed(store.find(key), definitions, store.reveal(key))
    click.echo(json.dumps(shown, indent=2) if as_json else shown["value"])


@command("set", context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value", required=False)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value, so that nobody sees it.")
@click.option("--type", "kind", type=click.Choice(list(values.KINDS)), help="Make a new setting.")
@click.option("--encrypted/--plain", default=None, help="Whether it is a secret.")
@click.option("--group", "group_id", help="The group that it is in.")
@click.option("--description", help="One line for people.")
def set_value(
    key: str, value: str | None, from_stdin: bool, kind: str | None, **given: Any
) -> None:
    """Change a setting, or make one, if --type is given."""
    if (value is None) == (not from_stdin):
        raise click.UsageError("Give either a VALUE or --stdin.")
    fields = {name: each for name, each in given.items() if each is not None}
    text = _read_stdin() if from_stdin else value
    check_no_placeholder(text)
    with _settings().changing(audit.operator()) as store:
        if kind and store.look_for(key) is None:
            store.create(key, text, kind, **fields)
        else:
            _check_kind(store, key, kind)
            store.update(key, {"value": text, **fields})
        is_changed = bool(store.done)
    click.echo(f"{key} is set." if is_changed else f"{key} was set to that already.")


@command("unset")
@click.argument("key")
def unset(key: str) -> None:
    """Reset a setting to its default, or delete it, if no code declares it."""
    with _settings().changing(audit.operator()) as store:
        is_declared = key in store.definitions.settings
        if is_declared:
            store.reset(key)
        else:
            store.delete(key)
    click.echo(f"{key} is reset to its default." if is_declared else f"{key} is deleted.")


@command("export")
@click.option("--secrets", is_flag=True, help="With the secrets, encrypted as they are kept.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file.")
def export(secrets: bool, output: Path | None) -> None:
    """Print all settings as a JSON document; without secrets, unless asked."""
    text = json.dumps(exported(reader(), secrets=secrets), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(output, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from None


@command("import")
@click.argument("file", type=click.File("rb"))
def import_settings(file: Any) -> None:
    """Make and change what FILE says, all or nothing; - is standard input."""
    try:
        document = json.loads(file.read().decode("utf-8"))
    except (ValueError, RecursionError):
        raise click.ClickException(f"{file.name} is not JSON.") from None
    with _settings().changing(audit.operator()) as store:
        import_all(store, document)
        done = store.done
    created = done["create"] + done["group_create"]
    changed = done["update"] + done["group_update"]
    click.echo(f"{created} created, {changed} changed.")


@command("rotate-key")
@click.option(
    "--discard-unreadable",
    is_flag=True,
    help="Clear the secrets that no key opens. They are lost then.",
)
def rotate_key(discard_unreadable: bool) -> None:
    """Seal all secrets with another key; the server may run meanwhile.

    With DEPLOYSTACK_ENCRYPTION_SECRET, that is the new key, and the former one is in
    DEPLOYSTACK_ENCRYPTION_SECRET_OLD. Without, a new one is generated.
    """
    outcome = rotate(_settings(), audit.operator(), _show, give_up_unreadable=discard_unreadable)
    if outcome.completed:
        click.echo("A change of the key that was interrupted is complete now.")
    elif outcome.needless:
        click.echo("All secrets are sealed with DEPLOYSTACK_ENCRYPTION_SECRET already.")
    else:
        click.echo(f"Sealed with the new key: {outcome.sealed}.")
    if outcome.cleared:
        click.echo(f"Lost, and empty now: {', '.join(outcome.cleared)}.")


@command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(as_json: bool) -> None:
    """Try encryption, and show what is missing; exit code 1 if secrets cannot be read."""
    found = condition(_settings(), reader())
    encryption = found["encryption"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(f"encryption:         {encryption['problem'] or HEALTHY}")
        for name, keys in (
            ("unreadable secrets", encryption["unreadable"]),
            ("required and empty", found["missing_required"]),
            ("not of their type", found["not_of_their_type"]),
            ("secrets in clear", found["secrets_in_clear"]),
            ("declared twice", [clash["key"] for clash in found["clashes"]]),
        ):
            click.echo(f"{name + ':':19} {', '.join(keys) or '-'}")
        counts = ", ".join(f"{number} {name}" for name, number in found["counts"].items())
        click.echo(f"{'there are:':19} {counts}")
    if not encryption["working"]:
        click.get_current_context().exit(1)


def _settings() -> Settings:
    return get_settings(current_app)


def _check_kind(store: Store, key: str, kind: str | None) -> None:
    row = store.find(key)
    if kind not in {None, row.type}:
        raise ValidationError({"type": [f"It is {row.type!r}, and stays so."]})


def _read_stdin() -> str:
    """Return what is on standard input, without the newline that ends it."""
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise click.ClickException("Standard input is not UTF-8.") from None
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


def _show(step: str) -> None:
    with suppress(OSError):  # a terminal that is gone is no reason to stop half-way
        click.echo(f"  {step}", err=True)


def _one_line(text: str) -> str:
    line = text if text.isprintable() else repr(text)
    return line if len(line) <= 80 else line[:79] + "…"
