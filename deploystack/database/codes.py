"""What a database can be refused for; docs/reference/error-codes.md explains each to callers."""

from __future__ import annotations

_REACHING = (
    "db_access_denied",
    "db_address_refused",
    "db_authentication_failed",
    "db_connection_failed",
    "db_does_not_exist",
    "db_not_postgres",
    "db_service_file",
    "db_shutting_down",
    "db_starting_up",
    "db_timeout",
    "db_tls_failed",
    "db_too_many_connections",
    "db_unknown_host",
    "db_unreachable",
)
_USING = (
    "db_corrupt",
    "db_disk_full",
    "db_failed",
    "db_foreign_key_broken",
    "db_locked",
    "db_newer",
    "db_no_permission",
    "db_not_a_database",
    "db_not_empty",
    "db_read_only",
    "migration_branches",
    "migration_failed",
    "migration_unreadable",
)
REFUSED = (*_REACHING, *_USING, "db_not_utf8", "db_too_old")
"""422: the database that was named for setup, or a look, cannot be used."""

UNAVAILABLE = (
    *_REACHING,
    *_USING,
    "database_file_missing",
    "db_busy",
    "db_changed",
    "db_empty",
    "db_migrating",
    "db_preparing",
    "db_unresponsive",
    "not_configured",
    "out_of_resources",
    "selection_unreadable",
)
"""503: there is no database in use, or it fails."""
