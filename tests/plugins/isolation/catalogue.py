"""Bad plugins, each with the code it is quarantined with."""

from __future__ import annotations

from tests.support.plugins import Bad

IMPORT = "plugin_import_failed"
HOOK = "plugin_hook_failed"
UNKNOWN = "plugin_hook_unknown"
NAME = "plugin_name_invalid"
TAKEN = "plugin_name_taken"
TABLE = "plugin_table_invalid"
KEY = "plugin_foreign_key_invalid"
SETTING = "plugin_setting_invalid"
ROUTE = "plugin_route_invalid"
COMMAND = "plugin_command_invalid"
TABLES = "plugin_tables_failed"
MIGRATION = "plugin_migration_failed"
SEED = "plugin_seed_failed"
READY = "plugin_ready_failed"
TIMEOUT = "plugin_timeout"

UNUSUAL = """
class Cancelled(BaseException):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")
"""
"""What libraries raise, too: not every exception is an ``Exception``, or can be printed."""

ODD = ("ValueError('broken')", "Cancelled()", "Unprintable()")
RAISED = (*ODD, "SystemExit(3)")

THING = """
class Thing(Model):
    __tablename__ = "NAME_thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(sa.ForeignKey("users.id"))


@hookimpl
def deploystack_tables():
    return [Thing]
"""

ROUTES = """
things = Blueprint("NAME", __name__)


@things.get("/things")
def index():
    return json_response({"things": db.session.scalar(sa.select(sa.func.count(Thing.id)))})


@hookimpl
def deploystack_blueprints():
    return [things]
"""

MAKE_THING = """
op.create_table(
    "bad_thing",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id")),
)
"""


def hook(signature: str, *lines: str) -> str:
    """Return a hook that does this."""
    return "\n@hookimpl\ndef deploystack_{}:\n    {}\n".format(signature, "\n    ".join(lines))


def seeding(*lines: str) -> str:
    """Return a plugin with a table and a route, whose seed adds a row and then does this."""
    add = "session.add(Thing())", "session.flush()"
    return UNUSUAL + THING + ROUTES + hook("seed(session)", *add, *lines)


def beginning(*lines: str) -> str:
    """Return one that adds a row once the database is ready, without committing, then this."""
    add = "db.session.add(Thing())", "db.session.flush()"
    return UNUSUAL + THING + ROUTES + hook("database_ready(app)", *add, *lines)


def tables(code: str, given: str = "[Mine]") -> str:
    """Return a plugin that declares this and returns it."""
    return f"{code}\n{hook('tables()', f'return {given}')}"


def metadata(fields: str) -> str:
    """Return a plugin that says this of itself."""
    return "from deploystack.plugins import *\n" + hook(
        "metadata()", f"return PluginMetadata({fields})"
    )


def blueprint(*lines: str) -> str:
    """Return a plugin with a blueprint to which this is done."""
    return "\n".join(
        [
            'bp = Blueprint("NAME", __name__)',
            'bp.add_url_rule("/things", "things", lambda: {"things": []})',
            *lines,
            hook("blueprints()", "return [bp]"),
        ]
    )


def settings(group: str) -> str:
    """Return a plugin with this group of settings."""
    return hook("settings()", f"return [{group}]")


def group(setting: str, name: str = "NAME") -> str:
    """Return a group of settings with one in it."""
    return f"SettingGroup(id={name!r}, name='Bad', settings=[Setting({setting})])"


COLUMN = "id: Mapped[int] = mapped_column(primary_key=True)"
MINE = f"class Mine(Model):\n    __tablename__ = 'NAME_mine'\n    {COLUMN}\n    "

LOADING = (
    # Importing it.
    Bad("syntax error", IMPORT, "def broken(:\n", is_whole=True),
    Bad("no text", IMPORT, "\0", is_whole=True),
    Bad("import of what is missing", IMPORT, "import no_such_module"),
    *(Bad(f"import raises {what}", IMPORT, f"{UNUSUAL}raise {what}") for what in RAISED),
    Bad("import raises after declaring a table", IMPORT, THING + "raise ValueError"),
    Bad("table on the core's base", IMPORT, MINE.replace("(Model)", "(db.Model)")),
    Bad("class for a table of the core", IMPORT, MINE.replace("NAME_mine", "users")),
    Bad("module that tells nothing", "plugin_[a-z_]+", "def __dir__():\n    raise ValueError"),
    # Its hooks.
    *(
        Bad(f"{name} raises {what}", HOOK, UNUSUAL + hook(f"{name}({arguments})", f"raise {what}"))
        for what in RAISED
        for name, arguments in {
            "tables": "",
            "migrations": "",
            "settings": "",
            "blueprints": "",
            "commands": "cli",
        }.items()
    ),
    *(
        Bad(
            f"metadata raises {what}",
            HOOK,
            "from deploystack.plugins import *\n" + UNUSUAL + hook("metadata()", f"raise {what}"),
            is_whole=True,
        )
        for what in RAISED
    ),
    Bad("metadata is missing", HOOK, "x = 1", is_whole=True, says="deploystack_metadata"),
    Bad(
        "metadata returns nothing",
        HOOK,
        metadata("").replace("PluginMetadata()", "None"),
        is_whole=True,
    ),
    Bad(
        "tables raises on the way", TABLE, THING.replace("return [Thing]", "yield Thing\n    1 / 0")
    ),
    Bad("tables returns a number", TABLE, hook("tables()", "return 5")),
    Bad("settings returns a number", HOOK, hook("settings()", "return 5")),
    Bad("migrations returns text", HOOK, hook("migrations()", "return '.'"), says="Path"),
    Bad("unknown hook", UNKNOWN, hook("tabels()", "return []"), says="does not exist"),
    Bad("unknown argument", UNKNOWN, hook("seed(session, more)", "pass"), says="arguments"),
    # Its name.
    *(
        Bad(f"name {name!r}", NAME, metadata(f"name={name!r}, version='1'"), says, is_whole=True)
        for names, says in (
            (("Bad", "1bad", "my-bad", "my_bad", "bäd", "b" * 41, "", " bad", None, 5), "letters"),
            (("alembic", "core", "deploystack", "global", "pg", "schema", "sqlite"), "reserved"),
        )
        for name in names
    ),
    *(
        Bad(
            f"version {version!r}"[:20],
            NAME,
            metadata(f"name='bad', version={version!r}"),
            "version",
            is_whole=True,
        )
        for version in ("", "1" * 65, None, 1.0, "1\0", "\ud800")
    ),
    Bad(
        "description 5",
        NAME,
        metadata("name='bad', version='1', description=5"),
        "description",
        is_whole=True,
    ),
    # Its tables.
    *(
        Bad(
            f"table {name[:20]!r}",
            TABLE,
            tables(MINE.replace("NAME_mine", name)),
            "names of a plugin's tables begin",
        )
        for name in (
            "mine",
            "badmine",
            "bad_",
            "bad_Mine",
            "bad_mïne",
            "bad mine",
            "bad",
            "quinces_shelf",
            "alembic_version_bad",
        )
    ),
    Bad("long table", TABLE, tables(MINE.replace("NAME_mine", "bad_" + "x" * 60)), "63"),
    Bad("schema", TABLE, tables(MINE + "__table_args__ = {'schema': 'public'}"), "schema"),
    Bad("no columns", TABLE, tables("Mine = sa.Table('NAME_mine', Model.metadata)"), "columns"),
    Bad(
        "declared twice",
        TABLE,
        tables(MINE + "\n\n" + MINE.replace("Mine", "More"), "[Mine, More]"),
        "twice",
    ),
    Bad(
        "class without a table", TABLE, tables("class Mine: pass"), "classes that derive from Model"
    ),
    Bad("instance", TABLE, tables(MINE, "[Mine()]"), "classes that derive from Model"),
    Bad("user", TABLE, tables("", "[User]"), "names of a plugin's tables begin"),
    Bad("relationship to nowhere", TABLE, tables(MINE + "x: Mapped['Nothing'] = relationship()")),
    Bad("relationship without a key", TABLE, tables(MINE + "x: Mapped[User] = relationship()")),
    Bad(
        "table in the core's metadata",
        TABLE,
        tables("Mine = sa.Table('mine', db.metadata, sa.Column('id', sa.Integer))"),
        "names of a plugin's tables begin",
    ),
    *(
        Bad(
            f"foreign key to {target}",
            KEY,
            tables(f"{MINE}x: Mapped[int] = mapped_column(sa.ForeignKey({target!r}))"),
            says,
        )
        for target, says in {
            "pears_shelf.id": "lead to its own tables or to the core's",
            "apples_shelf.id": "lead to its own tables or to the core's",
            "nothing.id": "lead to its own tables or to the core's",
            "bad_nothing.id": "lead to its own tables or to the core's",
            "users.nothing": "leads nowhere",
            "bad_mine.nothing": "leads nowhere",
        }.items()
    ),
    Bad(
        "foreign key to a column of somebody else",
        KEY,
        tables(
            "theirs = sa.Table('theirs', sa.MetaData(), sa.Column('id', sa.Integer, primary_key=True))\n"
            + MINE
            + "x = sa.Column(sa.ForeignKey(theirs.c.id))"
        ),
    ),
    # Its settings.
    *(
        Bad(
            f"setting {key[:15]!r}",
            SETTING,
            settings(group(f"key={key!r}, type='string', default=''")),
            "keys of a plugin's settings begin",
        )
        for key in (
            "size",
            "bad",
            "bad_size",
            "pears.size",
            "bad.grö",
            "bad.size!",
            "bad." + "x" * 252,
        )
    ),
    *(
        Bad(
            f"setting of type {kind}, {default}",
            SETTING,
            settings(group(f"key='NAME.x', type={kind!r}, default={default}")),
            says,
        )
        for kind, default, says in (
            ("text", "''", "type"),
            (None, "''", "type"),
            ("integer", "'1'", "default"),
            ("integer", "True", "default"),
            ("number", "'1'", "default"),
            ("boolean", "0", "default"),
            ("string", "1", "default"),
            ("list", "'x'", "default"),
            ("json", "{1, 2}", "default"),
            ("json", "float('nan')", "default"),
        )
    ),
    *(
        Bad(
            f"group {name!r}",
            SETTING,
            settings(group("key='NAME.x', type='string', default=''", name)),
            "group",
        )
        for name in ("", "a b")
    ),
    Bad(
        "setting twice",
        SETTING,
        hook(
            "settings()",
            f"one = {group('key={!r}, type={!r}, default={!r}'.format('NAME.x', 'string', ''))}",
            "return [one, SettingGroup(id='more', name='More', settings=one.settings)]",
        ),
        "twice",
    ),
    Bad("group that is none", SETTING, settings("{'id': 'bad'}"), "SettingGroup"),
    Bad(
        "setting that is none",
        SETTING,
        settings("SettingGroup(id='NAME', name='Bad', settings=['x'])"),
        "Setting",
    ),
    # Its routes: what a blueprint may do to the application is in test_blueprints.py.
    *(
        Bad(
            f"routes below {prefix}",
            ROUTE,
            blueprint(f"bp.url_prefix = {prefix!r}"),
            "below /api/plugin/bad/",
        )
        for prefix in (
            "/api",
            "/api/db",
            "/api/plugin",
            "/api/plugin/pears",
            "/api/plugin/badder",
            "/api/<x>",
        )
    ),
    Bad(
        "blueprint that is none",
        ROUTE,
        hook("blueprints()", "return ['bp']"),
        "blueprints of Flask",
    ),
    # Its commands.
    *(
        Bad(
            f"command {name}",
            COMMAND,
            hook("commands(cli)", f"cli.command({name!r})(lambda: None)"),
            f"flask {name}",
        )
        for name in ("db", "plugins", "run", "shell", "routes", "apples")
    ),
    Bad(
        "command under another name",
        COMMAND,
        hook("commands(cli)", "cli.add_command(click.Command('db'), 'harmless')"),
    ),
    Bad("command that is none", "plugin_[a-z_]+", hook("commands(cli)", "cli.commands['x'] = 5")),
    Bad("commands that are none", "plugin_[a-z_]+", hook("commands(cli)", "cli.commands = None")),
    Bad(
        "command without a name",
        "plugin_[a-z_]+",
        hook("commands(cli)", "cli.commands['x'] = click.Command(None)"),
    ),
)
"""Refused as they are loaded, before there is a database."""

REFUSED = "plugin_(seed|migration|tables)_failed"

DATABASE = (
    # Its tables.
    Bad("column without a type", TABLES, tables(MINE + "x = sa.Column()")),
    Bad(
        "index of the core",
        TABLES,
        tables(MINE + "__table_args__ = (sa.Index('ix_users_role_id', 'id'),)"),
    ),
    Bad(
        "index of another plugin",
        TABLES,
        tables(MINE + "__table_args__ = (sa.Index('ix_apples_item_shelf_id', 'id'),)"),
    ),
    # Its revisions.
    *(
        Bad(f"revision: {what}", code, THING + ROUTES, says, revisions=(f"{MAKE_THING}\n{body}",))
        for what, code, says, body in (
            (
                "the second statement fails",
                MIGRATION,
                "revision bad0001",
                "op.execute('SELECT * FROM nothing')",
            ),
            ("raises", MIGRATION, "revision bad0001", "raise ValueError"),
            ("is cancelled", "plugin_(migration|tables)_failed", "", "raise GeneratorExit"),
            (
                "drops users",
                "plugin_(table_invalid|migration_failed)",
                "",
                "op.drop_table('users')",
            ),
            (
                "a table outside its prefix",
                TABLE,
                "only tables whose names begin",
                "op.create_table('strange', sa.Column('id', sa.Integer))",
            ),
            (
                "a table of another plugin",
                TABLE,
                "only tables whose names begin",
                "op.create_table('pears_more', sa.Column('id', sa.Integer))",
            ),
            (
                "drops the core's version table",
                TABLE,
                "only tables whose names begin",
                "op.drop_table('alembic_version')",
            ),
            ("a column for users", TABLE, "", "op.add_column('users', sa.Column('x', sa.Integer))"),
            (
                "makes a core's table anew",
                TABLE,
                "",
                "op.drop_table('global_settings')\nop.create_table('global_settings', sa.Column('id', sa.Integer))",
            ),
            (
                "forgets where the core is",
                "plugin_[a-z_]+",
                "",
                "op.execute('DELETE FROM alembic_version')",
            ),
            ("COMMIT, and goes on", REFUSED, "", "op.execute('COMMIT')"),
            ("commits", REFUSED, "", "op.get_bind().commit()"),
            ("rolls back", REFUSED, "", "op.get_bind().rollback()"),
            (
                "a savepoint like ours",
                MIGRATION,
                "",
                "op.execute('SAVEPOINT plugin')\nraise ValueError",
            ),
        )
    ),
    Bad("a revision that cannot be read", MIGRATION, THING + ROUTES, revisions=("pass\n)",)),
    Bad(
        "the second revision fails",
        MIGRATION,
        THING + ROUTES,
        "revision bad0002",
        revisions=(MAKE_THING, "op.execute('SELECT * FROM nothing')"),
    ),
    Bad(
        "a row that refers to nothing, in a revision",
        REFUSED,
        THING + ROUTES,
        revisions=(
            MAKE_THING,
            "op.execute(\"INSERT INTO bad_thing (id, user_id) VALUES (1, 'nobody')\")",
        ),
    ),
    Bad(
        "a revision without the table that is declared",
        "plugin_[a-z_]+",
        THING + ROUTES,
        revisions=("pass",),
    ),
    # Its seed.
    *(
        Bad(f"seed raises {what}", SEED, seeding(f"raise {what}"))
        for what in (*ODD, "ApiError(503, 'x', 'X.')")
    ),
    *(
        Bad(f"seed: {what}", REFUSED, seeding(*lines))
        for what, lines in {
            "commits its session, then raises": ("session.commit()", "raise ValueError"),
            "commits the connection": ("session.connection().commit()",),
            "rolls the connection back": ("session.connection().rollback()",),
            "closes the connection": ("session.connection().close()",),
            "invalidates the connection": ("session.connection().invalidate()",),
            "COMMIT, then raises": ("session.execute(sa.text('COMMIT'))", "raise ValueError"),
            "COMMIT by another name": ("session.execute(sa.text('/* now */ end'))",),
            "ROLLBACK": ("session.execute(sa.text('ROLLBACK'))",),
            "COMMIT and BEGIN": (
                "session.execute(sa.text('COMMIT'))",
                "session.execute(sa.text('BEGIN'))",
            ),
            "wrong SQL": ("session.execute(sa.text('SELECT * FROM nothing'))",),
            "deletes everything, then raises": (
                "for table in ('apples_item', 'apples_shelf', 'users', 'roles'):",
                "    session.execute(sa.text(f'DELETE FROM {table}'))",
                "raise ValueError",
            ),
            "its row refers to nothing": (
                "session.execute(sa.insert(Thing).values(user_id='nobody'))",
            ),
            "its row refers to nothing, raw": (
                "cursor = session.connection().connection.cursor()",
                "cursor.execute(\"INSERT INTO apples_item (id, text, shelf_id) VALUES (99999, 'x', 99999)\")",
            ),
            "a user has no role": ("session.add(User(username='u', email='e', role_id='nobody'))",),
            "a row of another plugin refers to nothing": (
                "session.execute(sa.text(\"INSERT INTO apples_item (id, text, shelf_id) VALUES (99999, 'x', 99999)\"))",
            ),
        }.items()
    ),
    *(
        Bad(f"seed: {what}", "plugin_[a-z_]+", seeding(*lines))
        for what, lines in {
            "drops users": ("session.execute(sa.text('DROP TABLE users'))",),
            "drops a table of another plugin": (
                "session.execute(sa.text('DROP TABLE apples_item'))",
            ),
        }.items()
    ),
    Bad(
        "seed: its row refers to nothing, which is checked at the end",
        SEED,
        seeding("session.execute(sa.insert(Thing).values(user_id='nobody'))").replace(
            'ForeignKey("users.id")',
            'ForeignKey("users.id", deferrable=True, initially="DEFERRED")',
        ),
    ),
    Bad(
        "seed: other names for everybody after it",
        "plugin_[a-z_]+",
        seeding(
            "session.execute(sa.text('SET search_path TO pg_catalog'))"
            " if session.connection().dialect.name == 'postgresql' else 1 / 0"
        ),
    ),
    *(
        Bad(
            f"seed: {what} of the driver",
            "plugin_[a-z_]+",
            seeding(f"session.connection().connection.driver_connection.{what}()"),
            keeps=True,
            commits=what == "commit",
        )
        for what in ("commit", "close")
    ),
    # Beginning to work.
    *(
        Bad(f"database_ready raises {what}", READY, beginning(f"raise {what}"), keeps=True)
        for what in ODD
    ),
    Bad(
        "database_ready: wrong SQL",
        READY,
        beginning("db.session.execute(sa.text('SELECT * FROM nothing'))"),
        keeps=True,
    ),
    Bad(
        "database_ready raises, and keeps a transaction open",
        READY,
        THING
        + ROUTES
        + hook(
            "database_ready(app)",
            "global kept",
            "kept = db.engine.connect()",
            "kept.execute(sa.insert(Thing))",
            "raise ValueError",
        ),
        keeps=True,
    ),
)
"""Refused as they meet a database."""
