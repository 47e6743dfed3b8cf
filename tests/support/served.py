"""What an application with the routes of `tests.support.rows` serves from its SQLite file."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.waiting import until

SQLITE_WAITING = {"configured": True, "initialized": False, "dialect": "sqlite"}
SQLITE_READY = SQLITE_WAITING | {"initialized": True}
PASSING = {"db_preparing", "db_migrating", "db_changed"}


def rows(client: FlaskClient) -> list[str]:
    """Return what is served."""
    response = client.get("/rows")
    assert response.status_code == 200, response.text
    found: list[str] = response.get_json()["rows"]
    return found


def refused(client: FlaskClient, *codes: str) -> None:
    """See every kind of request refused with 503, and the status tell so."""

    def settled() -> bool:
        answer = client.get("/rows")
        assert answer.status_code == 503, answer.text
        return answer.get_json()["code"] not in PASSING

    until(settled)
    for response in (client.get("/rows"), client.post("/rows/lost"), client.get("/readyz")):
        assert (response.status_code, response.get_json()["code"]) in {
            (503, code) for code in codes
        }
        assert int(response.headers["Retry-After"]) > 0
    assert client.get("/api/db/status").json == SQLITE_WAITING


def soon(client: FlaskClient, expected: list[str]) -> None:
    """Wait until ``expected`` is served; until then, nothing but 503."""
    until(lambda: client.get("/rows").status_code != 503, 5)
    assert rows(client) == expected
    assert client.get("/api/db/status").json == SQLITE_READY
