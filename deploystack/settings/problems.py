"""What can go wrong with settings, each with the sentence that says what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

from ..errors import ApiError


class UnknownSetting(KeyError):
    """Code has asked for a setting, or a group, that there is not: a mistake in the code.

    Args:
        name: what it has asked for.
        known: all there are.
        what: ``setting`` or ``group of settings``.
    """

    def __init__(self, name: str, known: Iterable[str], what: str = "setting") -> None:
        self.name = name
        self.nearest = nearest(name, known)
        hint = f" The nearest is {self.nearest!r}." if self.nearest else ""
        self.sentence = f"There is no {what} {name!r}.{hint}"
        super().__init__(self.sentence)

    def __str__(self) -> str:
        return self.sentence  # KeyError would put it into quotes


class SettingMissing(ApiError):
    """A setting is empty that is needed now.

    Args:
        status: the HTTP status of the answer.
        code: a stable name for programs.
        key: the setting.
    """

    def __init__(self, status: int, code: str, key: str) -> None:
        super().__init__(
            status,
            code,
            f"The setting {key!r} is empty, and needed for this. Set it with PUT "
            f"/api/settings/{key}, or run `flask settings set {key} VALUE`.",
            {"key": key},
        )
        self.key = key


def setting_missing(key: str) -> SettingMissing:
    """Return the answer for a setting that is empty and needed."""
    return SettingMissing(409, "setting_missing", key)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like ``name``, in whichever case, if one is at all."""
    spelled = {each.lower(): each for each in known}
    found = difflib.get_close_matches(str(name).lower(), spelled, 1, cutoff=0.6)
    return spelled[found[0]] if found else None


def setting_unknown(key: str, known: Iterable[str]) -> ApiError:
    """Return the answer for a setting that there is not."""
    near = nearest(key, known)
    hint = f" The nearest is {near!r}." if near else " GET /api/settings lists all there are."
    details = {"key": key} | ({"nearest": near} if near else {})
    return ApiError(404, "setting_unknown", f"There is no setting {key!r}.{hint}", details)


def group_unknown(group_id: str) -> ApiError:
    """Return the answer for a group that there is not."""
    return ApiError(
        404,
        "setting_group_unknown",
        f"There is no group of settings {group_id!r}. GET /api/settings/groups lists all there "
        "are.",
        {"id": group_id},
    )


def setting_exists(key: str) -> ApiError:
    """Return the answer for a setting that is to be made and is there."""
    return ApiError(
        409,
        "setting_exists",
        f"There is a setting {key!r} already. Change it with PUT, or choose another key.",
        {"key": key},
    )


def group_exists(group_id: str) -> ApiError:
    """Return the answer for a group that is to be made and is there."""
    return ApiError(
        409,
        "setting_group_exists",
        f"There is a group of settings {group_id!r} already. Change it with PUT, or choose "
        "another id.",
        {"id": group_id},
    )


def setting_declared(key: str) -> ApiError:
    """Return the answer for a setting that is to be deleted and belongs to the code."""
    return ApiError(
        409,
        "setting_declared",
        f"The setting {key!r} belongs to the application and cannot be deleted. Reset it to its "
        f"default with POST /api/settings/{key}/reset.",
        {"key": key},
    )


def changed_meanwhile(etag: str) -> ApiError:
    """Return the answer for a change of what somebody else has changed since it was read."""
    return ApiError(
        412,
        "setting_changed",
        "It was changed since you have read it. Read it again, then make your change.",
        {"etag": etag},
        {"ETag": etag},
    )


def conflict() -> ApiError:
    """Return the answer for a change that the database refuses, as another was faster."""
    return ApiError(
        409,
        "setting_conflict",
        "Something else has changed the same settings at this moment. Read them again, then make "
        "your change.",
    )


def key_wrong(status: Literal[409, 503]) -> ApiError:
    """Return the answer while the secrets are sealed with a key that this process has not."""
    return ApiError(status, "encryption_key_wrong", KEY_WRONG)


def secret_unreadable(key: str, status: Literal[409, 503]) -> ApiError:
    """Return the answer for one secret that cannot be opened though the key is right."""
    return ApiError(
        status,
        "secret_unreadable",
        f"The secret {key!r} is damaged, or was copied from another setting. Set it anew.",
        {"key": key},
    )


KEY_WRONG = (
    "The secrets in the database are encrypted with another key than this server has. None is "
    "lost: put the key back (DEPLOYSTACK_ENCRYPTION_SECRET, or encryption.key in the data folder) "
    "and restart. Until then secrets can be neither read nor written."
)
