"""The configuration: one frozen object, read from the environment once, at start."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
SERVER_THREADS = 8
"""Threads that serve requests in each worker; a connection pool is never smaller."""

_FILE_CHARACTERS = 65536
"""How long a file with a secret may be, so that one without an end does not fill the memory."""

_HOST_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9._-]*[a-z0-9])?")
_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9]*")

T = TypeVar("T")


class ConfigError(Exception):
    """A configuration value that cannot be used. Its text is one sentence naming the variable."""


@dataclass(frozen=True)
class Config:
    """Everything an operator can choose. ``docs/reference/configuration.md`` explains each value.

    Attributes:
        data_dir: the folder that holds all data.
        database_url: the operator's database, which beats the wizard's choice.
        secret_key: the key that signs; generated under ``data_dir`` when ``None``.
        encryption_secret: the secret that encrypts settings; generated when ``None``.
        encryption_secret_old: the one before it, until everything is encrypted with the new one.
        admin_username: the name of the first administrator, if it is to be made without a person.
        admin_email: that account's e-mail address.
        admin_password: that account's password.
        setup_token_mode: ``auto``, ``always`` or ``never``.
        allowed_hosts: Host header names besides the loopback ones, in lower case; a leading dot
            admits subdomains, ``*`` any name.
        trusted_proxies: how many proxies' forwarding headers to believe.
        plugins_path: a folder of plugins.
        plugins_disabled: names of plugins that are not loaded.
        plugin_timeout: seconds a plugin's hook may take.
        log_level: a level of the standard library's logging.
        log_format: ``human`` or ``json``.
        host: the address the server binds.
        port: the port the server binds.
        web_concurrency: how many worker processes serve.
        migrations_dir: the folder of the schema's revisions; part of the code, not a setting.
    """

    data_dir: Path = ROOT / "persistent_data"
    database_url: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    encryption_secret: str | None = field(default=None, repr=False)
    encryption_secret_old: str | None = field(default=None, repr=False)
    admin_username: str | None = None
    admin_email: str | None = None
    admin_password: str | None = field(default=None, repr=False)
    setup_token_mode: str = "auto"
    allowed_hosts: frozenset[str] = frozenset()
    trusted_proxies: int = 0
    plugins_path: Path | None = None
    plugins_disabled: frozenset[str] = frozenset()
    plugin_timeout: float = 30.0
    log_level: str = "INFO"
    log_format: str = "human"
    host: str = "127.0.0.1"
    port: int = 3000
    web_concurrency: int = 2
    migrations_dir: Path = ROOT / "migrations"

    @property
    def selection_file(self) -> Path:
        """The file that holds the choice of database."""
        return self.data_dir / "db.selection.json"

    @property
    def setup_lock(self) -> Path:
        """The file whose lock is the right to choose the database."""
        return self.data_dir / "setup.lock"

    @property
    def encryption_key_file(self) -> Path:
        """The file that holds the generated secret that encrypts settings."""
        return self.data_dir / "encryption.key"

    @property
    def quarantine_dir(self) -> Path:
        """The folder with a file for each plugin that is out of service."""
        return self.data_dir / "quarantine"

    @property
    def sqlite_file(self) -> Path:
        """The embedded database."""
        return self.data_dir / "database" / "deploystack.db"

    @classmethod
    def resolve(cls, given: Config | Mapping[str, Any] | None) -> tuple[Config, dict[str, Any]]:
        """Return the configuration and Flask's own settings that ``given`` stands for.

        Args:
            given: a configuration; a mapping of variables, each beating the environment's
                (``None`` unsets it), and of Flask's settings; or ``None`` for the environment
                alone.

        Raises:
            ConfigError: a value cannot be used.
        """
        if isinstance(given, Config):
            return given, {}
        ours = {k: "" if v is None else str(v) for k, v in (given or {}).items() if _is_ours(k)}
        theirs = {key: value for key, value in (given or {}).items() if key not in ours}
        return cls.from_environment({**os.environ, **ours}), theirs

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read and check every variable.

        Args:
            environ: the variables; the process's environment if ``None``.

        Returns:
            The configuration. An empty value counts as not set.

        Raises:
            ConfigError: a value cannot be used; says which, why, and what would do.
        """
        env = _Environment(os.environ if environ is None else environ)
        return cls(
            data_dir=env.read("DEPLOYSTACK_DATA_DIR", _data_dir, cls.data_dir),
            database_url=env.secret("DEPLOYSTACK_DATABASE_URL", _database_url),
            secret_key=env.secret("DEPLOYSTACK_SECRET_KEY", _key),
            encryption_secret=env.secret("DEPLOYSTACK_ENCRYPTION_SECRET", _key),
            encryption_secret_old=env.secret("DEPLOYSTACK_ENCRYPTION_SECRET_OLD", _key),
            admin_username=env.read("DEPLOYSTACK_ADMIN_USERNAME", str, None),
            admin_email=env.read("DEPLOYSTACK_ADMIN_EMAIL", str, None),
            admin_password=env.secret("DEPLOYSTACK_ADMIN_PASSWORD", str),
            setup_token_mode=env.read(
                "DEPLOYSTACK_SETUP_TOKEN_MODE", _one_of("auto", "always", "never"), "auto"
            ),
            allowed_hosts=env.read("DEPLOYSTACK_ALLOWED_HOSTS", _hosts, cls.allowed_hosts),
            trusted_proxies=env.read("DEPLOYSTACK_TRUSTED_PROXIES", _integer(0, 16), 0),
            plugins_path=env.read("DEPLOYSTACK_PLUGINS_PATH", _folder, None),
            plugins_disabled=env.read(
                "DEPLOYSTACK_PLUGINS_DISABLED", _plugin_names, cls.plugins_disabled
            ),
            plugin_timeout=env.read("DEPLOYSTACK_PLUGIN_TIMEOUT", _seconds(0.1, 3600), 30.0),
            log_level=env.read(
                "DEPLOYSTACK_LOG_LEVEL",
                _one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", fold=str.upper),
                "INFO",
            ),
            log_format=env.read(
                "DEPLOYSTACK_LOG_FORMAT",
                _one_of("human", "json"),
                "human" if sys.stderr.isatty() else "json",
            ),
            host=env.read("HOST", _bind_address, "127.0.0.1"),
            port=env.read("PORT", _integer(1, 65535), 3000),
            web_concurrency=env.read("WEB_CONCURRENCY", _integer(1, 64), 2),
        )


def _is_ours(key: str) -> bool:
    return key.startswith("DEPLOYSTACK_") or key in {"HOST", "PORT", "WEB_CONCURRENCY"}


class _Environment:
    """Reads variables and names the one that cannot be used."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def read(self, name: str, convert: Callable[[str], T], default: T) -> T:
        text = self.values.get(name, "").strip()
        if not text:
            return default
        try:
            if "\0" in text:
                raise ValueError("it has a NUL character")
            return convert(text)
        except OSError as error:
            raise ConfigError(f"{name} cannot be used: {error.strerror}.") from None
        except ValueError as error:
            raise ConfigError(f"{name} cannot be used: {error}.") from None

    def secret(self, name: str, convert: Callable[[str], str]) -> str | None:
        """Read ``name``, or the file that ``name_FILE`` names, as container secrets come."""
        from_file = self.read(f"{name}_FILE", _file_content, None)
        if from_file is None:
            return self.read(name, convert, None)
        if self.values.get(name, "").strip():
            raise ConfigError(f"{name} and {name}_FILE are both set. Keep one of them.")
        return _Environment({f"{name}_FILE": from_file}).read(f"{name}_FILE", convert, None)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # ~ and a name that no user has
        raise ValueError("it begins with the home folder of an unknown user") from None


def _data_dir(text: str) -> Path:
    path = _path(text)
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.stat().st_mode):
            raise ValueError("it must name a folder, and there is something else in its place")
    return path


def _folder(text: str) -> Path:
    path = _path(text)
    if not path.is_dir():
        raise ValueError("it must name a folder that exists")
    return path


def _file_content(text: str) -> str:
    try:
        # Some editors begin a file with a byte-order mark, which is no part of the text.
        with Path(text).open(encoding="utf-8-sig") as file:
            content = file.read(_FILE_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError):
        raise ValueError("it must name a readable text file") from None
    if len(content) > _FILE_CHARACTERS:
        raise ValueError(f"the file it names is longer than {_FILE_CHARACTERS} characters")
    content = content.strip()
    if not content:
        raise ValueError("the file it names is empty")
    if "\n" in content:
        raise ValueError("the file it names must hold one line")
    return content


def _database_url(text: str) -> str:
    if not text.startswith(
        ("postgresql://", "postgres://", "postgresql+psycopg2://", "sqlite:///")
    ):
        raise ValueError(
            "it must start with postgresql:// (or be sqlite:/// and a path, "
            "such as sqlite:///database/deploystack.db)"
        )
    return text


def _key(text: str) -> str:
    if len(text) < 16:
        raise ValueError("it must have at least 16 characters")
    return text


def _one_of(*choices: str, fold: Callable[[str], str] = str.lower) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if fold(text) not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return fold(text)

    return convert


def _integer(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) < 10
        if not (digits and low <= int(text) <= high):
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(text)

    return convert


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise ValueError(f"it must be a number of seconds from {low} to {high}")
        return value

    return convert


def _hosts(text: str) -> frozenset[str]:
    return frozenset(_host(part.strip().lower()) for part in text.split(",") if part.strip())


def _host(name: str) -> str:
    bare = name.removeprefix("[").removesuffix("]")
    if name == "*" or _is_address(bare) or _HOST_NAME.fullmatch(name):
        return bare
    raise ValueError("it must list host names without port or scheme, separated by commas")


def _bind_address(text: str) -> str:
    if "%" in text or not (_is_address(text) or _HOST_NAME.fullmatch(text.lower())):
        raise ValueError("it must be an address or a host name, such as 127.0.0.1")
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _plugin_names(text: str) -> frozenset[str]:
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not all(_PLUGIN_NAME.fullmatch(name) for name in names):
        raise ValueError("it must list plugin names, separated by commas")
    return names
