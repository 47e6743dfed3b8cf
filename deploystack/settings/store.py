"""Changing settings: every rule about what may become of them, in the transaction of a session."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from ..errors import ApiError
from ..models import GlobalSetting, GlobalSettingGroup
from . import audit, core, texts, values
from .audit import Actor
from .definitions import KEY, Definitions
from .keys import Keyring
from .problems import changed_meanwhile, setting_declared, setting_exists, setting_unknown
from .rows import declared_setting
from .state import locked
from .texts import PLACEHOLDER, Convert
from .vault import Vault
from .wire import Match, etag

log = logging.getLogger(__name__)


class Store:
    """Changes settings. Holds the row of their state, so nobody else changes any meanwhile.

    Args:
        session: in whose transaction all is done. It is committed by whoever has made this.
        definitions: what is declared.
        keyring: the keys that seal secrets.
        actor: who makes the changes.

    Raises:
        OperationalError: another change has held the row for too long.
    """

    def __init__(
        self, session: Session, definitions: Definitions, keyring: Keyring, actor: Actor
    ) -> None:
        self.session = session
        self.definitions = definitions
        self.actor = actor
        self._state = locked(session)
        self.vault = Vault(keyring, self._state)
        self.done: Counter[str] = Counter()
        self._is_changed = False

    def find(self, key: str) -> GlobalSetting:
        """Return a setting.

        Raises:
            ApiError: 404 ``setting_unknown``.
        """
        row = self.look_for(key)
        if row is None:
            keys = self.session.scalars(sa.select(GlobalSetting.key))
            raise setting_unknown(key, [*self.definitions.settings, *keys])
        return row

    def look_for(self, key: str) -> GlobalSetting | None:
        """Return a setting, if it is there; one that is declared is made if need be."""
        row: GlobalSetting | None = None
        if KEY.fullmatch(key):
            row = self.session.get(GlobalSetting, key)
        if row is None and key in self.definitions.settings:
            row = declared_setting(self.session, self.definitions, self.vault, key)
            self._add(row)
        return row

    def create(
        self,
        key: str,
        value: Any = None,
        kind: str = "string",
        *,
        description: str = "",
        encrypted: bool = False,
        group_id: str | None = None,
        convert: Convert = values.accept,
    ) -> GlobalSetting:
        """Make a setting of an administrator's own.

        Raises:
            ValidationError: a field cannot be used.
            ApiError: 409 ``setting_exists``, or ``encryption_key_wrong``.
        """
        texts.check_key(key)
        if key in self.definitions.settings or self.session.get(GlobalSetting, key) is not None:
            raise setting_exists(key)
        texts.check_type(kind)
        self._check_group(group_id)
        if encrypted:
            texts.check_no_placeholder(value)
        text = None if value is None else texts.text_of(kind, value, convert)
        row = GlobalSetting(
            key=key,
            value=self.vault.sealed(key, text) if encrypted else text,
            type=kind,
            description=description,
            is_encrypted=encrypted,
            group_id=group_id,
        )
        self._add(row)
        details: dict[str, Any] = {"type": kind, "encrypted": encrypted}
        if not encrypted:
            details["after"] = audit.told(row)
        self.record("create", key, details)
        return row

    def update(
        self,
        key: str,
        changes: Mapping[str, Any],
        *,
        if_match: Match | None = None,
        convert: Convert = values.accept,
        action: str = "update",
    ) -> GlobalSetting:
        """Change a setting. What stays as it is leaves no trace.

        Args:
            key: the setting.
            changes: any of ``value`` (``None``: as declared, or nothing), ``description``,
                ``encrypted`` and ``group_id``.
            if_match: refuses if it was changed since it was read.
            convert: how a value becomes text.
            action: what the log calls it.

        Raises:
            ValidationError: a field cannot be used.
            ApiError: 404 ``setting_unknown``, 412 ``setting_changed``, 409
                ``encryption_key_wrong``, 403 ``permission_denied``, it takes the right to see
                secrets.
        """
        row = self.find(key)
        _check_match(row, if_match)
        encrypted = changes.get("encrypted", self._stays_secret(row, changes))
        new = {
            "description": changes.get("description", row.description),
            "group_id": changes.get("group_id", row.group_id),
            "is_encrypted": encrypted,
            "value": self._new_value(row, changes, encrypted, convert),
        }
        if new["group_id"] != row.group_id:
            self._check_group(new["group_id"])
        if new["value"] != row.value:
            new["type"] = self.kind(row)
        changed = sorted(name for name, value in new.items() if getattr(row, name) != value)
        if "value" in changed:
            self._check_destination(key)
        if changed:
            was_secret, before = row.is_encrypted, audit.told(row)
            for name in changed:
                setattr(row, name, new[name])
            self.session.flush()
            details: dict[str, Any] = {"changed": changed}
            if encrypted and not was_secret:
                audit.forget_values(self.session, key)
            elif "value" in changed and not was_secret:
                details |= {"before": before, "after": audit.told(row)}
            self.record(action, key, details)
        return row

    def reset(self, key: str, *, if_match: Match | None = None) -> GlobalSetting:
        """Give a setting the value, and the secrecy, that it is declared with.

        Raises:
            ApiError: as for :meth:`update`.
        """
        changes: dict[str, Any] = {"value": None}
        if key in self.definitions.settings:
            changes["encrypted"] = self.definitions.settings[key].encrypted
        return self.update(key, changes, if_match=if_match, action="reset")

    def delete(self, key: str, *, if_match: Match | None = None) -> None:
        """Delete a setting that no code declares.

        Raises:
            ApiError: 409 ``setting_declared`` or ``encryption_key_wrong``, 404
                ``setting_unknown``, 412 ``setting_changed``.
        """
        if key in self.definitions.settings:
            raise setting_declared(key)
        row = self.find(key)
        _check_match(row, if_match)
        if row.is_encrypted and row.value:
            self.vault.cipher()  # one that cannot be read now is not lost either
        details = {} if row.is_encrypted else {"before": audit.told(row)}
        self.session.delete(row)
        self.session.flush()
        self.record("delete", key, details)

    def reveal(self, key: str) -> str | None:
        """Return the value of a secret, and write down who has seen it.

        Raises:
            ApiError: 409 ``encryption_key_wrong`` or ``secret_unreadable``, 404
                ``setting_unknown``.
        """
        text = self.vault.opened(self.find(key))
        audit.record(self.session, self.actor, "reveal", key, {})
        log.info("%s has seen the secret %s.", self.actor.name, key)
        return text

    def record(self, action: str, subject: str, details: Mapping[str, Any]) -> None:
        """Write down a change that was made."""
        audit.record(self.session, self.actor, action, subject, details)
        log.info("Settings: %s %s, by %s.", action, subject, self.actor.name)
        self.done[action] += 1
        self._is_changed = True

    def finish(self) -> None:
        """Let other processes read all anew, once the transaction commits."""
        if self._is_changed:
            self._state.version += 1

    def _add(self, row: GlobalSetting) -> None:
        self.session.add(row)
        self.session.flush()
        self._is_changed = True

    def _new_value(
        self, row: GlobalSetting, changes: Mapping[str, Any], encrypted: bool, convert: Convert
    ) -> str | None:
        """Return what is to be kept: another value, or what is there, perhaps sealed or opened."""
        value = changes.get("value")
        is_secret = row.is_encrypted and bool(row.value)
        if "value" not in changes or (is_secret and value == PLACEHOLDER):
            if encrypted == row.is_encrypted or not row.value:
                return row.value
            return self.vault.sealed(row.key, row.value) if encrypted else self._uncovered(row)
        if encrypted:
            texts.check_no_placeholder(value)
        if is_secret:
            self.vault.cipher()  # one that cannot be read now is not overwritten either
        text = self._new_text(row, value, convert, is_secret or encrypted)
        if not encrypted:
            return text
        return self.vault.sealed(row.key, text) if text or row.value else row.value

    def _new_text(
        self, row: GlobalSetting, value: Any, convert: Convert, is_secret: bool
    ) -> str | None:
        definition = self.definitions.settings.get(row.key)
        if value is None:
            return texts.default_text(definition) if definition else None
        kind = self.kind(row)
        if value == "" and row.value is None and kind not in values.TEXTS:
            return None  # a form sends back a field that has been empty
        return texts.text_of(kind, value, convert, definition=definition, is_secret=is_secret)

    def _stays_secret(self, row: GlobalSetting, changes: Mapping[str, Any]) -> bool:
        """Return whether a setting is a secret as long as nobody says otherwise.

        The value it has is not touched if its declaration makes a secret of it; another one is.
        """
        definition = self.definitions.settings.get(row.key)
        is_declared = definition is not None and definition.encrypted
        return row.is_encrypted or (is_declared and "value" in changes)

    def _check_destination(self, key: str) -> None:
        """Let only those say where a secret is sent who may see it: they could see it there."""
        secret = core.SENT_ALONG.get(key)
        if secret and not self.actor.may_reveal and self.find(secret).value:
            raise ApiError(
                403,
                "permission_denied",
                f"While {secret!r} is set, it takes the permission 'settings.reveal' to change "
                f"where it is sent. Reset {secret!r} first, or ask an administrator.",
                {"permission": "settings.reveal"},
            )

    def _uncovered(self, row: GlobalSetting) -> str | None:
        if not self.actor.may_reveal:
            raise ApiError(
                403,
                "permission_denied",
                "To uncover a secret takes the permission 'settings.reveal'. Send a new value "
                "along, or ask an administrator.",
                {"permission": "settings.reveal"},
            )
        return self.vault.opened(row)

    def kind(self, row: GlobalSetting) -> str:
        """Return the type of a setting: the one that it is declared as, if it is."""
        definition = self.definitions.settings.get(row.key)
        return definition.type if definition else row.type

    def _check_group(self, group_id: str | None) -> None:
        if group_id is not None and self.session.get(GlobalSettingGroup, group_id) is None:
            raise ValidationError({"group_id": ["There is no such group. Make it first."]})


def _check_match(row: GlobalSetting, if_match: Match | None) -> None:
    if if_match is not None and not if_match(etag(row)):
        raise changed_meanwhile(etag(row))
