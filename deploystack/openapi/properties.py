"""What apispec says wrongly of a field: how moments are written, bounds, patterns."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from marshmallow import fields, validate

_MOMENT = dt.datetime(2026, 11, 25, 20, 59, tzinfo=dt.UTC)
_ISO = {None, "iso", "iso8601"}

# Python has these, JSON Schema's language of patterns (ECMA-262) has not: groups that are named
# Python's way, comments, conditions, flags, whatever takes all it can for good, ends of a text.
_PYTHON_ONLY = re.compile(r"\(\?(?![:=!]|<[=!])|[*+?}]\+|\\[AZ]")
_HARMLESS = re.UNICODE | re.ASCII


def corrected(field: fields.Field[Any], made: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema ``made`` of ``field`` with what is so.

    Args:
        field: the field.
        made: what apispec says of it, which is changed.
    """
    for name in {"format", "pattern", "title", "description"} & made.keys():
        if made[name] is None:
            del made[name]
    if isinstance(field, fields.DateTime | fields.Date | fields.Time):
        made = _moment(field, made)
    if getattr(field, "as_string", False):
        made["type"] = ["string", "null"] if field.allow_none else "string"
        made.setdefault("example", "1")
    if isinstance(field, fields.Dict):
        for bound in ("min", "max"):
            if f"{bound}Length" in made:
                made[f"{bound}Properties"] = made.pop(f"{bound}Length")
    for validator in field.validators:
        if isinstance(validator, validate.Range):
            _exclude_bounds(field, validator, made)
        elif isinstance(getattr(validator, "choices", None), set | frozenset) and "enum" in made:
            made["enum"].sort(key=repr)  # the same in every process
        elif isinstance(validator, validate.Email | validate.URL):
            made.setdefault("format", "email" if isinstance(validator, validate.Email) else "url")
        if isinstance(validator, validate.ContainsOnly):
            del made["enum"]  # of what it holds, not of itself
            if "items" in made:
                made["items"] = {**made["items"], "enum": list(validator.choices)}
    if "pattern" in made:
        _translate_pattern(field, made)
    if "example" in made:
        made["examples"] = [made.pop("example")]
    return made


def _moment(
    field: fields.DateTime | fields.Date | fields.Time, made: dict[str, Any]
) -> dict[str, Any]:
    """Say how a date, a time or both are written, where that is not as RFC 3339 has it."""
    is_naive = isinstance(field, fields.NaiveDateTime) and field.timezone is None
    if field.format in _ISO and not is_naive and not isinstance(field, fields.Time):
        return made
    own = {"format", "example", "examples", "min", "pattern"}
    said = {name: field.metadata[name] for name in sorted(own & field.metadata.keys())}
    value: Any = _MOMENT.replace(tzinfo=None) if is_naive else _MOMENT
    if isinstance(field, fields.Date):
        value = value.date()
    elif isinstance(field, fields.Time):
        value = value.time()
    example: Any = field._serialize(value, None, None)  # as apispec does it
    made = {name: value for name, value in made.items() if name not in own}
    if isinstance(example, int | float):
        made["minimum"] = 0
    return {**made, "example": example, **said}


def _exclude_bounds(
    field: fields.Field[Any], validator: validate.Range, made: dict[str, Any]
) -> None:
    """Say of a bound that is not among the values itself that it is not."""
    for bound, name, is_inclusive in (
        (validator.min, "minimum", validator.min_inclusive),
        (validator.max, "maximum", validator.max_inclusive),
    ):
        is_said = bound is not None and made.get(name) == field._serialize(bound, None, None)
        if is_said and not is_inclusive:
            made[f"exclusive{name.capitalize()}"] = made.pop(name)


def _translate_pattern(field: fields.Field[Any], made: dict[str, Any]) -> None:
    """Say a pattern as JSON Schema does, which looks for it anywhere; or to readers alone."""
    checked = [getattr(validator, "regex", None) for validator in field.validators]
    compiled = [regex for regex in checked if isinstance(regex, re.Pattern)]
    pattern = made.pop("pattern").replace(r"\A", "^").replace(r"\Z", "$")
    if _PYTHON_ONLY.search(pattern) or any(regex.flags & ~_HARMLESS for regex in compiled):
        made["x-pattern"] = pattern
        return
    is_bound = pattern.startswith("^") and "|" not in pattern
    made["pattern"] = pattern if is_bound else f"^(?:{pattern})"
