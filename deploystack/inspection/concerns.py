"""What an operator should know, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flask import Flask

from ..config import Config
from ..plugins.service import Service, get_service
from ..settings import get_settings
from ..settings.problems import KEY_WRONG
from ..texts import N_

Severity = Literal["problem", "notice"]


@dataclass(frozen=True)
class Concern:
    """One thing to know.

    Attributes:
        code: a stable name.
        severity: ``problem`` if something does not work, else ``notice``.
        sentence: what is the matter; names in it are ``%(name)s``, so that it can be translated.
        remedy: what to do, in the same way.
        details: what is put into both, and more for programs.
    """

    code: str
    severity: Severity
    sentence: str
    remedy: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.sentence % self.details,
            "remedy": self.remedy % self.details,
            "details": dict(self.details),
        }


def concerns(
    app: Flask, config: Config, condition: Mapping[str, Any], pending: Mapping[str, list[str]]
) -> list[Concern]:
    """Return all there are, the worst first.

    Args:
        app: the application.
        config: its configuration.
        condition: how the settings are: :func:`deploystack.settings.condition.condition`.
        pending: the revisions that the database lacks, by history.
    """
    found = [
        *_about_plugins(get_service(app)),
        *_about_revisions(pending),
        *_about_secrets(condition),
        *_about_settings(app, condition),
        *_about_access(config),
    ]
    return sorted(found, key=lambda concern: concern.severity != "problem")


def _about_plugins(service: Service) -> Iterator[Concern]:
    for plugin in service.plugins.all:
        failure = service.plugins.failure(plugin)
        if failure:
            yield Concern(
                "quarantined",
                "problem",
                N_("The plugin %(plugin)s is out of service: %(reason)s"),
                N_("Mend what is named there, then try the plugin again on the page of plugins."),
                {"plugin": plugin.name, "reason": failure.sentence, "code": failure.code},
            )


def _about_revisions(pending: Mapping[str, list[str]]) -> Iterator[Concern]:
    for name, revisions in pending.items():
        yield Concern(
            "revisions_pending",
            "problem",
            N_("The database lacks revisions of %(history)s: %(list)s."),
            N_("Restart the server, or run `flask db upgrade`."),
            {"history": name, "list": ", ".join(revisions), "revisions": revisions},
        )


def _about_secrets(condition: Mapping[str, Any]) -> Iterator[Concern]:
    encryption = condition["encryption"]
    if encryption["problem"] == KEY_WRONG:
        yield Concern(
            "encryption_key_wrong",
            "problem",
            N_("The encryption key is not the one that the secrets are sealed with."),
            N_(
                "Put the right encryption.key, or DEPLOYSTACK_ENCRYPTION_SECRET, back in its "
                "place. Until then no secret can be read or set."
            ),
        )
    elif not encryption["working"]:
        yield Concern(
            "secrets_unreadable",
            "problem",
            N_("Some secrets cannot be read: %(list)s."),
            N_("They are damaged, or were copied from other settings. Set each of them anew."),
            _keys(encryption["unreadable"]),
        )
    if condition["secrets_in_clear"]:
        yield Concern(
            "secrets_in_clear",
            "problem",
            N_("Some secrets are not sealed in the database: %(list)s."),
            N_("Set each of them anew, which seals it."),
            _keys(condition["secrets_in_clear"]),
        )


def _about_settings(app: Flask, condition: Mapping[str, Any]) -> Iterator[Concern]:
    group_of = get_settings(app).definitions.group_of
    missing: dict[str, list[str]] = {}
    for key in condition["missing_required"]:
        missing.setdefault(group_of[key], []).append(key)
    for group, keys in missing.items():
        yield Concern(
            "settings_missing",
            "notice",
            N_("Settings that are needed are empty: %(list)s."),
            N_("Fill them in on the page of settings; what uses them cannot work before."),
            _keys(keys) | {"group": group},
        )
    if condition["not_of_their_type"]:
        yield Concern(
            "settings_invalid",
            "problem",
            N_("The values of some settings are not of their type: %(list)s."),
            N_("Somebody has changed them in the database itself. Set each of them anew."),
            _keys(condition["not_of_their_type"]),
        )


def _about_access(config: Config) -> Iterator[Concern]:
    if config.setup_token_mode == "never":
        yield Concern(
            "setup_token_never",
            "notice",
            N_("If this installation were reset, whoever comes first could set it up."),
            N_("Set DEPLOYSTACK_SETUP_TOKEN_MODE to auto, and restart."),
        )
    if "*" in config.allowed_hosts:
        yield Concern(
            "hosts_any",
            "notice",
            N_("The server answers to any host name, which lets other sites' names lead to it."),
            N_("Name the hosts in DEPLOYSTACK_ALLOWED_HOSTS, and restart."),
        )


def _keys(keys: list[str]) -> dict[str, Any]:
    return {"list": ", ".join(keys), "keys": keys}
