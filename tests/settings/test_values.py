"""Values as text and back: whatever is of its type comes back identical, nothing else goes in."""

from __future__ import annotations

import json
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploystack.settings import values

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)
INTEGERS = st.integers() | st.integers(-(10**100) + 1, 10**100 - 1)
NUMBERS = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OF_A_TYPE = st.one_of(
    st.tuples(st.just("string"), TEXT),
    st.tuples(st.just("integer"), INTEGERS),
    st.tuples(st.just("number"), NUMBERS),
    st.tuples(st.just("boolean"), st.booleans()),
    st.tuples(st.just("json"), JSON),
    st.tuples(st.just("list"), st.lists(JSON, max_size=4)),
    st.tuples(st.just("url"), st.sampled_from(["", "https://a.example/b?c=d", "http://[::1]:8/"])),
    st.tuples(st.just("email"), st.sampled_from(["", "a@b.example", "é.x+y@b-c.example"])),
)


def is_same(one: Any, other: Any) -> bool:
    """Tell 1 from True and from 1.0, at any depth; the order of an object's members is nothing."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(OF_A_TYPE)
def test_what_is_written_is_read(pair: tuple[str, Any]) -> None:
    kind, value = pair
    text = values.write(kind, value)

    assert is_same(values.parse(kind, text), value)
    assert values.accept(kind, text) == text


@given(OF_A_TYPE)
def test_json_of_a_value_is_accepted_as_the_value(pair: tuple[str, Any]) -> None:
    """As it comes in a request: a text stands for itself only where the type is a text."""
    kind, value = pair
    sent = json.loads(json.dumps(value))
    if isinstance(value, str) and kind == "json":
        sent = json.dumps(value)

    assert is_same(values.parse(kind, values.accept(kind, sent)), value)


@given(st.sampled_from(sorted(values.KINDS)), st.text(max_size=30) | JSON)
def test_anything_else_is_refused_with_a_sentence(kind: str, value: Any) -> None:
    try:
        text = values.accept(kind, value)
    except ValueError as error:
        assert str(error).endswith(".")
        assert str(error)[0].isupper()
    else:
        values.parse(kind, text)
        assert len(text) <= values.MAX_CHARACTERS
        text.encode()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", "false", False),
        ("boolean", " TRUE ", True),
        ("boolean", "0", False),
        ("boolean", "on", True),
        ("boolean", "disabled", False),
        ("integer", "+5", 5),
        ("integer", " -7 ", -7),
        ("number", "1e3", 1000.0),
        ("number", ".5", 0.5),
        ("number", "10", 10),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("json", '"text"', "text"),
        ("json", "null", None),
        ("list", "[]", []),
        ("string", "  kept as it is\r\n", "  kept as it is\r\n"),
    ],
)
def test_texts_stand_for_values(kind: str, text: str, value: Any) -> None:
    assert is_same(values.parse(kind, values.accept(kind, text)), value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 5),
        ("string", None),
        ("string", "\0"),
        ("string", "\ud800"),
        ("string", "x" * (values.MAX_CHARACTERS + 1)),
        ("integer", 1.0),
        ("integer", True),
        ("integer", "1.0"),
        ("integer", "\u0661"),
        ("integer", ""),
        ("integer", 10**100),
        ("integer", "1" * 5000),
        ("number", "nan"),
        ("number", "1e999"),
        ("number", float("inf")),
        ("number", False),
        ("number", 10**400),
        ("number", "1_0"),
        ("boolean", 1),
        ("boolean", "maybe"),
        ("boolean", ""),
        ("url", "ftp://a.example"),
        ("url", "http://"),
        ("url", "http://a b.example"),
        ("url", "http://a.example/\n"),
        ("url", "http://a.example/\x01"),
        ("url", "javascript:alert(1)"),
        ("url", "http://a.example:99999"),
        ("url", "http://[bad"),
        ("email", "nobody"),
        ("email", "a@b@c"),
        ("email", "a@b..c"),
        ("email", "a b@c.example"),
        ("email", "a@b.example\nBcc: x@y.example"),
        ("email", "a(b@c.example"),
        ("email", "a,b@c.example"),
        ("email", ".a@c.example"),
        ("email", "a.@c.example"),
        ("email", "a\u00a0b@c.example"),
        ("email", "x" * 65 + "@c.example"),
        ("email", "a@" + "b" * 64 + ".example"),
        ("email", "a@-b.example"),
        ("json", "{"),
        ("json", "NaN"),
        ("json", "[" * 100_000),
        ("json", {"a": float("nan")}),
        ("json", {1: 2}),
        ("json", {1, 2}),
        ("json", "\ud800"),
        ("list", "{}"),
        ("list", "x"),
        ("list", {"a": 1}),
    ],
)
def test_refused(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        values.accept(kind, value)


def test_lists_within_lists_are_bounded() -> None:
    nested: list[Any] = []
    for _ in range(values.MAX_DEPTH):
        nested = [nested]
    assert values.parse("json", values.write("json", nested)) == nested
    with pytest.raises(ValueError, match="within each other"):
        values.write("json", [nested])


def test_code_says_what_it_means() -> None:
    """A text that looks like another type is no such value when code gives it."""
    with pytest.raises(ValueError, match="whole number"):
        values.write("integer", "5")
    assert values.parse("json", values.write("json", "5")) == "5"


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_empty(value: Any) -> None:
    assert values.is_empty(value)


@pytest.mark.parametrize("value", [0, 0.0, False, " ", [None], {"a": None}])
def test_not_empty(value: Any) -> None:
    assert not values.is_empty(value)


@given(st.text(max_size=10), st.text(st.characters(codec="ascii"), max_size=10))
@example("a!#$%&'*+/=?^_`{|}~-", "b")
@example("é", "b-c.example")
def test_an_address_that_is_accepted_can_be_written_to(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    try:
        values.write("email", address)
    except ValueError:
        return
    message = EmailMessage()
    message["To"] = Address(username=local, domain=domain)
    [found] = message["To"].addresses
    assert (found.username, found.domain) == (local, domain)
