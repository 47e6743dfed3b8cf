"""What was typed of a PostgreSQL database: separate fields, or a connection string in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ...config import Config
from ...database.postgres.connection_string import parse
from ...database.target import SqliteTarget, Target
from ...errors import ApiError

_NEEDED = ("host", "database", "user")


@dataclass(frozen=True)
class Typed:
    """What somebody has typed. Passwords are not shown again, so neither is the string.

    Attributes:
        type: ``sqlite`` or ``postgres``.
        host: the server's name or address.
        port: its port, as text.
        database: the name of the database.
        user: who connects.
        sslmode: how TLS is used.
        password: the user's.
        connection_string: all of it in one piece; then the fields do not count.
    """

    type: str = "sqlite"
    host: str = "localhost"
    port: str = "5432"
    database: str = "deploystack"
    user: str = "deploystack"
    sslmode: str = "prefer"
    password: str = field(default="", repr=False)
    connection_string: str = field(default="", repr=False)

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Typed:
        """Return what a form holds."""
        names = ("host", "port", "database", "user", "sslmode")
        return cls(
            type="postgres" if form.get("type") == "postgres" else "sqlite",
            password=form.get("password", ""),
            connection_string=form.get("connectionString", "").strip(),
            **{name: form.get(name, "").strip()[:300] for name in names},
        )

    def target(self, config: Config) -> Target:
        """Return the database that is meant.

        Raises:
            ApiError: 400 ``validation_error`` with the fields that are missing, or
                ``invalid_connection_string``.
        """
        if self.type == "sqlite":
            return SqliteTarget(config.sqlite_file)
        return parse(self.connection_string or self._as_string())

    def _as_string(self) -> str:
        missing = [name for name in _NEEDED if not getattr(self, name)]
        if missing:
            raise ApiError(
                400,
                "validation_error",
                "Some fields are not as they should be; details names each.",
                {name: ["Missing data for required field."] for name in missing},
            )
        password = f":{quote(self.password, safe='')}" if self.password else ""
        bare = self.host.removeprefix("[").removesuffix("]")
        host = f"[{bare}]" if ":" in bare else bare
        port = f":{self.port}" if self.port else ""
        return (
            f"postgresql://{quote(self.user, safe='')}{password}@{host}{port}"
            f"/{quote(self.database, safe='')}?sslmode={self.sslmode or 'prefer'}"
        )
