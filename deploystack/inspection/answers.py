"""What is told of the database and what it holds, and of who has changed what."""

from __future__ import annotations

from marshmallow import fields, validate

from ..documented import PageOfLog, Shown, Success, data, moment
from ..plugins.answers import Plugin

_DIALECT = validate.OneOf(["sqlite", "postgres"])
_REVISION = {"example": "0001"}
_COLUMN = {"example": "email"}
_TABLE = {"example": "users"}
_INDEX = {"example": "ix_users_email"}


def _bytes() -> fields.Integer:
    return fields.Integer(
        allow_none=True,
        metadata={"example": 32768, "description": "How much room it takes, if that is told."},
    )


class LogEntry(Shown):
    """Who has changed what, when and from where."""

    id = fields.Integer()
    at = moment()
    actor = fields.String(metadata={"example": "alice"})
    actor_id = fields.String(allow_none=True, metadata={"example": None})
    address = fields.String(allow_none=True, metadata={"example": "127.0.0.1"})
    action = fields.String(metadata={"example": "users.create"})
    subject = fields.String(metadata={"example": "bob"})
    details = fields.Dict(metadata={"example": {"role": "global_user"}})


class WholeLog(PageOfLog):
    """Entries, the newest first."""

    data = data(LogEntry, many=True)


class DatabaseInUse(Shown):
    """The database, and where it is; no password."""

    state = fields.String(
        validate=validate.OneOf(["unconfigured", "unreadable", "waiting", "ready"]),
        metadata={"example": "ready"},
    )
    dialect = fields.String(allow_none=True, validate=_DIALECT)
    server_version = fields.String(metadata={"example": "3.46.1"})
    bytes = _bytes()
    location = fields.String(
        allow_none=True, metadata={"example": "persistent_data/database/deploystack.db"}
    )
    chosen_by = fields.String(validate=validate.OneOf(["setup", "operator"]))


class Concern(Shown):
    """What an operator should know, and what to do about it."""

    code = fields.String(metadata={"example": "settings_missing"})
    severity = fields.String(
        validate=validate.OneOf(["problem", "notice"]), metadata={"example": "notice"}
    )
    message = fields.String(metadata={"example": "Settings that are needed are empty: smtp.host."})
    remedy = fields.String(metadata={"example": "Fill them in on the page of settings."})
    details = fields.Dict(metadata={"example": {"group": "smtp", "keys": ["smtp.host"]}})


class Overview(Shown):
    """How everything is: what needs attention, the worst first, and what was done last."""

    database = data(DatabaseInUse)
    plugins = data(Plugin, many=True)
    audit = data(LogEntry, many=True)
    warnings = data(Concern, many=True)


class OverviewFound(Success):
    """How everything is."""

    data = data(Overview)


class Column(Shown):
    """A column of a table."""

    name = fields.String(metadata=_COLUMN)
    type = fields.String(
        metadata={"example": "VARCHAR(255)", "description": "As the database spells it."}
    )
    nullable = fields.Boolean(metadata={"example": False})
    default = fields.String(
        allow_none=True,
        metadata={"example": None, "description": "What a row gets which says nothing."},
    )
    primary_key = fields.Boolean(metadata={"example": False})
    secret = fields.Boolean(
        metadata={"example": False, "description": "Whether values are masked."}
    )
    secret_where = fields.String(
        allow_none=True,
        metadata={
            "example": None,
            "description": "The column that tells of each row whether this one is secret.",
        },
    )


class ForeignKey(Shown):
    """Columns that refer to those of a table; to its primary key, where none are named."""

    columns = fields.List(fields.String(metadata={"example": "role_id"}))
    table = fields.String(metadata={"example": "roles"})
    referred_columns = fields.List(fields.String(metadata={"example": "id"}))
    on_delete = fields.String(metadata={"example": "RESTRICT"})


class UniqueConstraint(Shown):
    """Columns in which no two rows have the same."""

    name = fields.String(allow_none=True, metadata={"example": "uq_users_email"})
    columns = fields.List(fields.String(metadata=_COLUMN))


class Index(Shown):
    """An index, of columns or expressions."""

    name = fields.String(allow_none=True, metadata=_INDEX)
    columns = fields.List(fields.String(metadata=_COLUMN))
    unique = fields.Boolean()
    condition = fields.String(
        allow_none=True, metadata={"example": None, "description": "Of which rows, if not of all."}
    )


class TableShape(Shown):
    """What a table is like."""

    name = fields.String(metadata=_TABLE)
    columns = data(Column, many=True)
    primary_key = fields.List(fields.String(metadata={"example": "id"}))
    foreign_keys = data(ForeignKey, many=True)
    unique = data(UniqueConstraint, many=True)
    indexes = data(Index, many=True)
    readable = fields.Boolean(
        metadata={"description": "Whether the application may read its rows."}
    )
    bytes = _bytes()


class RowCount(Shown):
    """How many rows there are, and how well that is known."""

    count = fields.Integer(allow_none=True, metadata={"example": 12})
    kind = fields.String(validate=validate.OneOf(["exact", "at_least", "estimate", "unknown"]))


class Table(TableShape):
    """A table, and how many rows it has."""

    rows = data(RowCount)


_KIND = validate.OneOf(["core", "plugin", "versions", "other"])


class Owner(Shown):
    """Who has a table: the core, a plugin, what tells how far the schema is, or something else."""

    kind = fields.String(validate=_KIND)
    name = fields.String(
        metadata={"example": "core", "description": "Of the plugin; else the same as `kind`."}
    )


class OwnerOfTables(Owner):
    """Tables, by who has them."""

    is_installed = fields.Boolean()
    tables = data(Table, many=True)


class DatabaseSchema(Shown):
    """Every table, by owner."""

    dialect = fields.String(validate=_DIALECT)
    owners = data(OwnerOfTables, many=True)


class SchemaFound(Success):
    """Every table, by owner."""

    data = data(DatabaseSchema)


class OwnedTable(TableShape):
    """A table, and whose it is."""

    owner = data(Owner)


class Row(Shown):
    """A row; `********` stands for a secret, and what is long is cut."""

    values = fields.Dict(metadata={"example": {"id": 1, "email": "alice@example.org"}})
    masked = fields.List(
        fields.String(),
        metadata={"example": [], "description": "The columns whose values are secret."},
    )
    cut = fields.Dict(
        values=fields.Integer(),
        metadata={"example": {}, "description": "How long the values are that were cut."},
    )


class PageOfRows(Shown):
    """A page of the rows of a table."""

    table = data(OwnedTable)
    rows = data(Row, many=True)
    page = fields.Integer()
    per_page = fields.Integer(metadata={"example": 50})
    has_next = fields.Boolean(metadata={"example": False})
    total = data(RowCount)


class RowsFound(Success):
    """A page of the rows of a table."""

    data = data(PageOfRows)


class PendingRevision(Shown):
    """A revision that the database lacks."""

    revision = fields.String(metadata=_REVISION)
    title = fields.String(metadata={"example": "Make the first tables"})


class AppliedRevision(PendingRevision):
    """A revision that the database has; when it was applied, if that is known."""

    applied_at = moment(allow_none=True)
    duration_ms = fields.Float(allow_none=True, metadata={"example": 12.5})


class HistoryProblem(Shown):
    """Why the revisions cannot be told."""

    code = fields.String(metadata={"example": "migration_branches"})
    error = fields.String(metadata={"example": "The code has two newest revisions."})


class RevisionHistory(Shown):
    """The revisions of the core or of a plugin."""

    name = fields.String(metadata={"example": "core"})
    kind = fields.String(validate=validate.OneOf(["core", "plugin"]))
    is_installed = fields.Boolean()
    current = fields.List(
        fields.String(metadata=_REVISION), metadata={"description": "Where the database is."}
    )
    head = fields.String(allow_none=True, metadata=_REVISION)
    applied = data(AppliedRevision, many=True)
    pending = data(PendingRevision, many=True)
    problem = fields.Nested(HistoryProblem, allow_none=True, metadata={"example": None})


class RevisionsFound(Success):
    """Each history: the core's first, then those of plugins, by name."""

    data = data(RevisionHistory, many=True)
