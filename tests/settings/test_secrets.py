"""Secrets: sealed in the database, shown to nobody who may not see them, bound to their setting."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import ValidationError

from deploystack import create_app
from deploystack.database import get_database
from deploystack.plugins import PluginMetadata, Setting, SettingGroup, hookimpl
from deploystack.settings import get_settings, settings
from deploystack.settings.encryption import Cipher, Key
from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.applications import command, set_up
from tests.support.canary import PASSWORD, leaks
from tests.support.direct import Direct
from tests.support.opened import MAY, open_to_all

BASE = "/api/settings"
SECRET = {"key": "my.secret", "value": "hush", "type": "string", "encrypted": True}
NO_REVEAL = {MAY: "settings.view,settings.edit,settings.delete"}


def shown(client: FlaskClient, key: str = "my.secret", query: str = "") -> dict[str, Any]:
    answer = client.get(f"{BASE}/{key}{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()["data"]
    return found


def put(client: FlaskClient, key: str = "my.secret", **fields: Any) -> dict[str, Any]:
    answer = client.put(f"{BASE}/{key}", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()["data"]
    return found


def revealed(client: FlaskClient, key: str = "my.secret") -> Any:
    return shown(client, key, "?reveal=true")["typed_value"]


def make(client: FlaskClient, **fields: Any) -> None:
    answer = client.post(BASE, json={**SECRET, **fields})
    assert answer.status_code == 201, answer.text


class TestCipher:
    def test_opens_what_it_seals(self) -> None:
        cipher = Cipher([Key("a secret of some length")])
        for text in ("", "hush", "é\n\u2028", "x" * 100_000):
            assert cipher.open("a.b", cipher.seal("a.b", text)) == text

    def test_is_fresh_each_time_and_hides_the_text(self) -> None:
        cipher = Cipher([Key("a secret of some length")])
        sealed = {cipher.seal("a.b", PASSWORD) for _ in range(20)}
        assert len(sealed) == 20
        assert not leaks(*sealed)

    def test_is_bound_to_the_setting(self) -> None:
        cipher = Cipher([Key("a secret of some length")])
        with pytest.raises(ValueError, match="another setting"):
            cipher.open("a.c", cipher.seal("a.b", "hush"))

    def test_notices_every_change(self) -> None:
        cipher = Cipher([Key("a secret of some length")])
        sealed = cipher.seal("a.b", "hush")
        for at in range(0, len(sealed) - 4, 7):
            other = "A" if sealed[at] != "A" else "B"
            with pytest.raises(ValueError, match="damaged"):
                cipher.open("a.b", sealed[:at] + other + sealed[at + 1 :])
        for bad in ("", "x", "é", sealed[:-10], f"A{sealed}"):
            with pytest.raises(ValueError, match="damaged"):
                cipher.open("a.b", bad)

    def test_another_key_opens_nothing(self) -> None:
        one, other = Key("a secret of some length"), Key("a secret of some lengtH")
        assert one.fingerprint != other.fingerprint
        assert len(one.fingerprint) == 16
        with pytest.raises(ValueError, match="another key"):
            Cipher([other]).open("a.b", Cipher([one]).seal("a.b", "hush"))
        both = Cipher([other, one])
        assert both.open("a.b", Cipher([one]).seal("a.b", "hush")) == "hush"
        sealing = both.sealing_with(one.fingerprint)
        assert sealing
        assert Cipher([one]).open("a.b", sealing.seal("a.b", "hush")) == "hush"
        assert both.sealing_with("0" * 16) is None


def test_a_secret_is_shown_to_whoever_may_see_it(admin: FlaskClient) -> None:
    make(admin)
    before = shown(admin)
    assert (before["value"], before["typed_value"], before["is_set"]) == ("********", None, True)
    assert revealed(admin) == "hush"
    assert shown(admin, query="?reveal=false") == before
    for query in ("?reveal=true", "?reveal=1"):
        answer = admin.get(f"{BASE}/my.secret{query}", headers=NO_REVEAL)
        assert assert_error(answer, 403, "permission_denied") == {"permission": "settings.reveal"}
    assert_error(admin.get(f"{BASE}/my.secret?reveal=perhaps"), 400, "validation_error")
    assert_error(admin.get(f"{BASE}/none?reveal=true"), 404, "setting_unknown")
    for path in ("", "/groups", "/group/smtp"):
        assert "hush" not in admin.get(f"{BASE}{path}?reveal=true").text


def test_whoever_sees_a_secret_is_written_down(
    admin: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    make(admin)
    caplog.set_level(logging.INFO)
    revealed(admin)
    shown(admin, "smtp.host", "?reveal=true")  # no secret

    entries = admin.get(f"{BASE}/audit").get_json()["data"]
    assert [(e["action"], e["key"], e["actor"]) for e in entries[:1]] == [
        ("settings.reveal", "my.secret", "root")
    ]
    assert sum(entry["action"] == "settings.reveal" for entry in entries) == 1
    assert "root has seen the secret my.secret" in caplog.text
    assert "hush" not in caplog.text


def test_a_secret_stays_one_unless_the_call_says_otherwise(admin: FlaskClient) -> None:
    make(admin)
    assert put(admin, value="other")["is_encrypted"] is True
    assert revealed(admin) == "other"
    assert put(admin, description="mine")["is_encrypted"] is True
    assert revealed(admin) == "other"

    opened = put(admin, encrypted=False)
    assert (opened["is_encrypted"], opened["value"]) == (False, "other")
    closed = put(admin, encrypted=True)
    assert (closed["is_encrypted"], closed["value"]) == (True, "********")
    assert revealed(admin) == "other"
    assert put(admin, encrypted=False, value="new")["value"] == "new"


def test_what_a_form_sends_back_leaves_a_secret_as_it_is(admin: FlaskClient) -> None:
    """The front end saves a whole group at once, with what it was shown."""
    put(admin, "smtp.password", value="hush")
    group = admin.get(f"{BASE}/groups/smtp").get_json()["data"]
    entries = [
        {
            "key": entry["key"],
            "value": entry["value"],
            "type": entry["type"],
            "group_id": "smtp",
            "description": entry["description"],
            "encrypted": entry["is_encrypted"],
        }
        for entry in group["settings"]
    ]
    number = len(admin.get(f"{BASE}/audit").get_json()["data"])
    saved = admin.post(f"{BASE}/bulk", json={"settings": entries})
    assert saved.status_code == 200, saved.text
    assert saved.get_json()["data"] == group["settings"]
    assert len(admin.get(f"{BASE}/audit").get_json()["data"]) == number
    assert revealed(admin, "smtp.password") == "hush"
    assert put(admin, "smtp.password", value="********", description="x")["is_set"] is True
    assert revealed(admin, "smtp.password") == "hush"


def test_the_placeholder_is_no_secret(admin: FlaskClient) -> None:
    answer = admin.put(f"{BASE}/smtp.password", json={"value": "********"})
    assert "value" in assert_error(answer, 400, "validation_error")
    answer = admin.put(f"{BASE}/smtp.host", json={"value": "********", "encrypted": True})
    assert "value" in assert_error(answer, 400, "validation_error")


def test_whoever_may_not_see_a_secret_cannot_uncover_it(admin: FlaskClient) -> None:
    make(admin)
    for fields in ({"encrypted": False}, {"encrypted": False, "value": "********"}):
        answer = admin.put(f"{BASE}/my.secret", json=fields, headers=NO_REVEAL)
        assert_error(answer, 403, "permission_denied")
    entry = {"key": "my.secret", "encrypted": False}
    answer = admin.post(f"{BASE}/bulk", json={"settings": [entry]}, headers=NO_REVEAL)
    assert_error(answer, 403, "permission_denied")
    assert revealed(admin) == "hush"

    answer = admin.put(
        f"{BASE}/my.secret", json={"encrypted": False, "value": "new"}, headers=NO_REVEAL
    )
    assert answer.get_json()["data"]["value"] == "new"


def test_the_log_never_holds_a_secret(
    opened: Flask, admin: FlaskClient, body: dict[str, str], data_dir: Path
) -> None:
    """Nor what was no secret when it was written, and has become one."""
    make(admin, encrypted=False)
    put(admin, value="hush2")
    assert "hush2" in admin.get(f"{BASE}/audit").text
    put(admin, encrypted=True)
    put(admin, value="hush3")
    put(admin, encrypted=False)
    assert admin.delete(f"{BASE}/my.secret").status_code == 200

    entries = admin.get(f"{BASE}/audit?key=my.secret").get_json()["data"]
    assert [entry["action"] for entry in entries] == [
        "settings.delete",
        *["settings.update"] * 4,
        "settings.create",
    ]
    rows = Direct(body, data_dir).rows("SELECT details FROM audit_log")
    assert "hush2" not in str(rows)
    sealed = [entry for entry in entries if "hush" in json.dumps(entry)]
    assert [entry["action"] for entry in sealed] == ["settings.delete"]  # it was clear by then


def test_a_secret_copied_to_another_row_does_not_open(
    opened: Flask, admin: FlaskClient, body: dict[str, str], data_dir: Path
) -> None:
    make(admin)
    make(admin, key="my.other", value="else")
    Direct(body, data_dir).execute(
        "UPDATE global_settings SET value = (SELECT value FROM global_settings "
        "WHERE key = 'my.secret') WHERE key = 'my.other'",
        "UPDATE global_settings_state SET version = version + 1",
    )
    get_settings(opened).forget()
    answer = admin.get(f"{BASE}/my.other?reveal=true")
    assert_error(answer, 409, "secret_unreadable")
    with opened.app_context():
        with pytest.raises(Exception, match=r"my\.other"):
            settings.get("my.other")
        assert settings.get("my.secret") == "hush"
        assert settings.is_set("my.other")
    health = admin.get(f"{BASE}/health").get_json()
    assert health["data"]["encryption_working"] is False
    assert health["data"]["encryption"]["unreadable"] == ["my.other"]
    assert put(admin, "my.other", value="mended")["is_set"] is True
    assert revealed(admin, "my.other") == "mended"
    assert admin.get(f"{BASE}/health").get_json()["data"]["encryption_working"] is True


class Refusing:
    """A plugin whose setting refuses everything, and says what."""

    def refuse(self, value: str) -> None:
        if value.startswith("raise"):
            raise RuntimeError(f"{value} is wrong")
        if value:
            raise ValueError(f"{value} is no good.")

    @hookimpl
    def deploystack_metadata(self) -> PluginMetadata:
        return PluginMetadata(name="refusing", version="1")

    @hookimpl
    def deploystack_settings(self) -> list[SettingGroup]:
        options: dict[str, Any] = {"type": "string", "default": "", "validate": self.refuse}
        return [
            SettingGroup(
                id="refusing",
                name="Refusing",
                settings=[
                    Setting(key="refusing.secret", encrypted=True, **options),
                    Setting(key="refusing.plain", **options),
                ],
            )
        ]


def test_what_validates_may_not_tell_a_secret(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app({"DEPLOYSTACK_DATA_DIR": data_dir}, plugins=[Refusing()])
    open_to_all(app)
    set_up(app, {"type": "sqlite"})
    client = app.test_client()
    for value, said in (("hush", "It was refused."), ("raise hush", "could not be checked")):
        answer = client.put(f"{BASE}/refusing.secret", json={"value": value})
        assert said in str(assert_error(answer, 400, "validation_error"))
        assert "hush" not in answer.text
    answer = client.put(f"{BASE}/refusing.plain", json={"value": "hush"})
    assert assert_error(answer, 400)["value"] == ["hush is no good."]
    assert "hush" not in caplog.text
    get_database(app).close()


@pytest.fixture
def spoken() -> Iterator[io.StringIO]:
    """All that is logged, with the arguments that our own formats leave out."""
    heard = io.StringIO()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.write(f"{logging.Formatter().format(record)} {record.args!r}\n")

    ear = Ear()
    logging.getLogger().addHandler(ear)
    yield heard
    logging.getLogger().removeHandler(ear)


def test_a_canary_is_seen_nowhere(
    make_app: MakeApp,
    opened: Flask,
    admin: FlaskClient,
    body: dict[str, str],
    data_dir: Path,
    spoken: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    told: list[object] = []

    def note(answer: Any) -> None:
        told.extend([answer.status_code, answer.headers, answer.text])

    note(admin.post(BASE, json={**SECRET, "value": PASSWORD}))
    note(admin.post(BASE, json={**SECRET, "value": PASSWORD}))
    note(admin.put(f"{BASE}/smtp.password", json={"value": PASSWORD}))
    note(admin.put(f"{BASE}/smtp.password", json={"value": PASSWORD + "\0"}))
    note(admin.put(f"{BASE}/smtp.port", json={"value": PASSWORD}))
    note(admin.put(f"{BASE}/smtp.password", json={"value": [PASSWORD], "encrypted": True}))
    note(admin.put(f"{BASE}/smtp.password", json={"value": PASSWORD, "group_id": "none"}))
    note(admin.post(f"{BASE}/bulk", json={"settings": [{"key": "my.secret", "value": PASSWORD}]}))
    note(admin.post(f"{BASE}/bulk", json={"settings": [{**SECRET, "value": [PASSWORD]}]}))
    for path in ("", "/groups", "/groups/smtp", "/group/smtp", "/my.secret", "/health", "/audit"):
        note(admin.get(BASE + path))
    note(admin.post(f"{BASE}/search", json={"pattern": "secret"}))
    note(admin.post(f"{BASE}/smtp/test", json={}))
    for arguments in (
        ("list",),
        ("list", "--json"),
        ("get", "my.secret"),
        ("export",),
        ("export", "--secrets"),
        ("check", "--json"),
        ("rotate-key",),
    ):
        told.append(command(opened, "settings", *arguments).output)
    with opened.app_context():
        assert settings.get("my.secret") == PASSWORD
        told.append(repr(get_settings(opened).keyring))
    told.append(Direct(body, data_dir).everything())
    assert revealed(admin) == PASSWORD
    put(admin, value="another")  # the pages keep what was in a row before
    make(admin, key="my.clear", value="plainly seen", encrypted=False)
    assert admin.delete(f"{BASE}/my.clear").status_code == 200
    pages = Direct(body, data_dir).pages()
    told.append(pages)
    assert b"plainly seen" in pages, "what is no secret is found in them"

    told.extend([spoken.getvalue(), *capfd.readouterr()])
    assert not leaks(*told)


def test_a_generated_key_is_its_owners_alone(make_app: MakeApp, data_dir: Path) -> None:
    make_app()
    path = data_dir / "encryption.key"
    assert path.stat().st_mode & 0o777 == 0o600
    kept = path.read_text()
    make_app()
    assert path.read_text() == kept
    assert len(kept.strip()) >= 43


def test_an_operators_secret_is_not_written_down(make_app: MakeApp, data_dir: Path) -> None:
    app = make_app(DEPLOYSTACK_ENCRYPTION_SECRET="s3cret-of-the-operator")
    open_to_all(app)
    set_up(app, {"type": "sqlite"})
    put(app.test_client(), "smtp.password", value="hush")
    assert not (data_dir / "encryption.key").exists()
    for path in data_dir.rglob("*"):
        if path.is_file():
            assert b"s3cret-of-the-operator" not in path.read_bytes()


def test_an_operators_secret_may_come_from_a_file(
    make_app: MakeApp, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s3cret-of-the-operator\n")
    app = make_app(DEPLOYSTACK_ENCRYPTION_SECRET_FILE=tmp_path / "secret")
    expected = Key("s3cret-of-the-operator").fingerprint
    assert get_settings(app).keyring.preferred.fingerprint == expected


def test_a_secret_that_cannot_be_read_now_is_not_deleted_either(
    make_app: MakeApp, body: dict[str, str]
) -> None:
    first = make_app(DEPLOYSTACK_ENCRYPTION_SECRET="x" * 40)
    open_to_all(first)
    set_up(first, body)
    make(first.test_client())
    other = make_app(DEPLOYSTACK_ENCRYPTION_SECRET="y" * 40)
    open_to_all(other)
    client = other.test_client()
    assert_error(client.delete(f"{BASE}/my.secret"), 409, "encryption_key_wrong")
    assert revealed(first.test_client()) == "hush"


def test_the_placeholder_is_not_written_by_code_or_command(opened: Flask) -> None:
    make(opened.test_client())
    result = command(opened, "settings", "set", "my.secret", "********")
    assert result.exit_code == 1
    assert "[validation_error]" in result.output
    with opened.app_context():
        with pytest.raises(ValidationError):
            settings.set("my.secret", "********")
        assert settings.get("my.secret") == "hush"
