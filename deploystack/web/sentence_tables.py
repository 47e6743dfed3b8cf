"""The sentences for the codes of the API's errors, to be translated; ``sentences.py`` uses them."""

from __future__ import annotations

from .language import N_

OWN = {
    "network": N_("The server does not answer. Check that it runs, then try again."),
    "unreadable": N_("The server's answer cannot be understood. Try again."),
}
"""What scripts find out themselves, so no API says it."""

REQUEST = {
    "validation_error": N_("Some entries are not as they should be. Correct them and try again."),
    "bad_request": N_("The request could not be understood. Reload the page and try again."),
    "invalid_json": N_("The request could not be understood. Reload the page and try again."),
    "invalid_body": N_("The request could not be understood. Reload the page and try again."),
    "unsupported_media_type": N_(
        "The request could not be understood. Reload the page and try again."
    ),
    "host_not_allowed": N_(
        "This server does not answer to that host name. If it should, the operator adds the name "
        "to DEPLOYSTACK_ALLOWED_HOSTS."
    ),
    "cross_origin": N_(
        "This may only come from this server's own pages. Open the server's own address; behind a "
        "proxy, the operator sets DEPLOYSTACK_TRUSTED_PROXIES."
    ),
    "form_expired": N_(
        "This form was opened too long ago, or this browser keeps no cookies. Go back, reload the "
        "page, and send it again."
    ),
    "value_refused": N_(
        "The database cannot hold a value of this, such as a number that is too large. Correct it, "
        "and try again."
    ),
    "not_found": N_("There is nothing at this address."),
    "method_not_allowed": N_("This address cannot be used in that way."),
    "body_too_large": N_("That is longer than this server takes. Shorten it."),
    "internal_error": N_(
        "Something went wrong on the server. Try again; if it persists, look for the request id "
        "in the server's log."
    ),
    "out_of_resources": N_(
        "The server has too many files open, or no memory left. Try again in a few seconds."
    ),
    "permission_denied": N_("You may not do this. Ask an administrator."),
    "login_required": N_("You are not logged in, or your session has ended. Log in again."),
    "session_required": N_("This takes a person who has logged in; a token cannot do it."),
}

SETUP = {
    "setup_token_required": N_(
        "The setup token is missing. It is in the file setup.token in the server's data folder; "
        "flask db setup-token prints it there."
    ),
    "setup_token_wrong": N_(
        "The setup token is wrong. It is in the file setup.token in the server's data folder; "
        "flask db setup-token prints it there."
    ),
    "already_configured": N_("The database is already set up."),
    "setup_in_progress": N_("Another setup is running. Wait a few seconds."),
    "data_folder_not_writable": N_(
        "The data folder cannot be written. Check its rights and that the disk is not full, then "
        "try again. Nothing was changed."
    ),
    "invalid_connection_string": N_(
        "The connection string cannot be understood. Write it as "
        "postgresql://user:password@host:5432/database, and percent-encode every special "
        "character in the user, the password and the database."
    ),
}

ACCOUNTS = {
    "login_disabled": N_("Logging in is switched off at present."),
    "registration_disabled": N_("Registration is switched off. Ask an administrator."),
    "invalid_credentials": N_("There is no such account, or the password is wrong."),
    "too_many_attempts": N_("Too many failed attempts. Wait a few minutes, then try again."),
    "weak_password": N_(
        "The password is too short, too long or too easy to guess. Use another with at least "
        "8 characters."
    ),
    "wrong_password": N_("The current password is not that."),
    "same_password": N_("The new password is the current one. Use another."),
    "username_taken": N_("Another account has that username. Use another."),
    "email_taken": N_("Another account has that e-mail address. Use another, or log in."),
    "unknown_role": N_("There is no such role."),
    "unknown_scope": N_("A token cannot have a permission that you do not have."),
    "unknown_user": N_("There is no such account."),
    "unknown_token": N_("There is no such token, or it was revoked already."),
    "last_administrator": N_("There would be no administrator left."),
    "account_in_use": N_("Something of a plugin refers to this account. Delete that first."),
}

DATABASE = {
    "db_unknown_host": N_("No host has this name. Check the spelling, or use its address."),
    "db_address_refused": N_(
        "This host is at an address where no database may be. Use the address of the database "
        "server."
    ),
    "db_unreachable": N_(
        "Nothing answers there. Check host and port, that the server runs, its firewall and its "
        "listen_addresses."
    ),
    "db_timeout": N_(
        "The server does not answer in time. Check that it is PostgreSQL, and how busy it is."
    ),
    "db_not_postgres": N_("What answers there is not PostgreSQL. Check host and port."),
    "db_tls_failed": N_(
        "There is no TLS connection of the kind that was asked for. Check that the server offers "
        "TLS, its certificate, and the TLS mode."
    ),
    "db_authentication_failed": N_(
        "The server refuses this user and password. Check both, and that the server allows "
        "passwords in pg_hba.conf."
    ),
    "db_access_denied": N_(
        "This user may not connect to this database from here. Allow it in pg_hba.conf, or grant "
        "CONNECT."
    ),
    "db_does_not_exist": N_("There is no such database. Create it with this SQL, then try again."),
    "db_too_many_connections": N_(
        "The server has no connection left. Close others, or raise max_connections."
    ),
    "db_starting_up": N_("The server is just starting. Try again in a few seconds."),
    "db_shutting_down": N_("The server is just stopping. Try again once it is back."),
    "db_service_file": N_(
        "PGSERVICE in the environment of this server cannot be read. Unset it, or mend the "
        "service file, then restart."
    ),
    "db_connection_failed": N_(
        "The connection failed. Check everything, and look into PostgreSQL's log."
    ),
    "db_too_old": N_(
        "The server is too old: PostgreSQL 13 or newer is needed. Upgrade it, or use another."
    ),
    "db_not_utf8": N_(
        "The database does not store text as UTF-8, and that cannot be changed later. Create "
        "another one with this SQL, and use that."
    ),
    "db_read_only": N_("The database takes no changes; it may be a standby. Name the primary."),
    "db_no_permission": N_(
        "A right is missing. Have the owner of the database run this SQL in it, then try again. "
        "With SQLite: give this server's user the right to write the file and its folder."
    ),
    "db_not_empty": N_(
        "The database already holds tables of something else. Create an empty database for this "
        "application and use that one. Nothing was changed."
    ),
    "db_newer": N_(
        "The database was written by a newer version of the application. Update the application, "
        "or use another database. Nothing was changed."
    ),
    "db_not_a_database": N_(
        "The file is not a SQLite database. Put the right one there, or move it away."
    ),
    "db_corrupt": N_("The database file is damaged. Put a backup in its place."),
    "db_locked": N_("Another process is using the database. Let it finish, then try again."),
    "db_disk_full": N_("The disk of the database is full. Make room, then try again."),
    "db_failed": N_("The database failed. Try again; if it persists, look at the server's log."),
    "migration_failed": N_(
        "A change of the schema failed and was taken back. Look at flask db status, correct the "
        "revision it names, then start again."
    ),
    "db_foreign_key_broken": N_(
        "The revisions would leave rows that refer to nothing. Look at flask db status."
    ),
    "migration_branches": N_(
        "The code has two newest revisions. Join them with flask db merge, then start again."
    ),
    "migration_unreadable": N_(
        "The file of a revision cannot be read. Look at flask db status, which names it."
    ),
    "migration_pending": N_(
        "The schema is behind the code. Restart the server, or run flask db upgrade."
    ),
    "not_configured": N_("No database has been chosen yet."),
    "selection_unreadable": N_(
        "The file that says which database was chosen cannot be read. An operator restores "
        "db.selection.json from a backup, or runs flask db reset --yes and sets up again."
    ),
    "db_preparing": N_("The database is being connected. Try again in a few seconds."),
    "db_migrating": N_("The database is being brought up to date. Try again in a few seconds."),
    "db_busy": N_("Every connection to the database is in use. Try again in a few seconds."),
    "db_changed": N_(
        "Another database is in place of the one in use, and is being checked. Try again in a few "
        "seconds."
    ),
    "db_unresponsive": N_(
        "The database does not answer in time. Check that its server is not overloaded; the "
        "application tries again by itself."
    ),
    "db_empty": N_(
        "The database has lost its tables. Restore a backup, or run flask db upgrade to begin with "
        "an empty one."
    ),
    "database_file_missing": N_(
        "The file of the database is gone. Put it back, or restart to begin with an empty one."
    ),
}

SETTINGS = {
    "setting_unknown": N_("There is no such setting."),
    "setting_group_unknown": N_("There is no such group of settings."),
    "setting_exists": N_("There is a setting of this name already."),
    "setting_group_exists": N_("There is a group of this name already."),
    "setting_declared": N_("Code declares this setting, so it can be reset, but not deleted."),
    "setting_missing": N_("A setting is empty that is needed for this. Set it first."),
    "setting_conflict": N_("Something else changed the same at this moment. Try again."),
    "setting_changed": N_("Somebody else has changed this in the meantime. Look at it again."),
    "encryption_key_wrong": N_(
        "Secrets are sealed with a key that this server does not have. Put the key back "
        "(DEPLOYSTACK_ENCRYPTION_SECRET, or encryption.key in the data folder) and restart."
    ),
    "secret_unreadable": N_("The secret is damaged. Set it anew."),
    "rotation_in_progress": N_("The key is just being changed. Wait for that to end."),
    "mail_disabled": N_("Sending e-mail is switched off. Switch it on first."),
    "smtp_failed": N_("The mail server is not there, or refuses. Check the settings of e-mail."),
    "smtp_timeout": N_(
        "The mail server did not take the message in time. Check host, port and firewall."
    ),
}

PLUGINS = {
    "plugin_waiting": N_("The plugin is about to begin. Try again in a few seconds."),
    "plugin_request_failed": N_("A request to it failed. Look at the log, mend it, and restart."),
    "plugin_ready_failed": N_("It could not begin. Look at the log, mend it, then retry."),
    "plugin_seed_failed": N_("Its first rows could not be added. Mend the plugin, and restart."),
    "plugin_timeout": N_("It did not come back in time. Mend the plugin, and restart."),
    "plugin_tables_failed": N_("Its tables cannot be made. Correct their declaration."),
    "plugin_tables_differ": N_(
        "A table in the database is not as the plugin declares it. Write a revision."
    ),
    "plugin_migration_failed": N_("One of its revisions failed, and was taken back."),
    "plugin_no_permission": N_("It takes the right to make a schema, once. Grant it, then retry."),
    "plugin_newer": N_("A newer version of the plugin has written the database. Update it."),
    "plugin_settings_failed": N_("Its settings could not be made. Look at the log."),
    "plugin_import_failed": N_("It cannot be imported. Mend the plugin, and restart."),
    "plugin_hook_unknown": N_("It implements a hook that does not exist. Correct it."),
    "plugin_hook_failed": N_("It failed while it was loaded. Mend the plugin, and restart."),
    "plugin_name_invalid": N_("Its name or version cannot be used."),
    "plugin_name_taken": N_("Another plugin has the same name. Rename or remove one."),
    "plugin_table_invalid": N_("One of its tables breaks the rules. Correct it."),
    "plugin_foreign_key_invalid": N_("One of its foreign keys leads to where it may not."),
    "plugin_setting_invalid": N_("One of its settings breaks the rules. Correct it."),
    "plugin_route_invalid": N_("One of its routes breaks the rules. Correct it."),
    "plugin_command_invalid": N_("One of its commands has the name of another. Rename it."),
    "plugin_unknown": N_("There is no plugin of this name."),
    "plugin_disabled": N_("The plugin is switched off by DEPLOYSTACK_PLUGINS_DISABLED."),
    "plugin_needs_restart": N_("The plugin could not be loaded. Mend it, then restart the server."),
}

INSPECTION = {
    "table_unknown": N_("The database has no table of this name. It may have been removed."),
    "table_unreadable": N_(
        "The application's database user may not read this table. Grant it SELECT there."
    ),
    "column_unknown": N_("The table has no such column."),
    "column_secret": N_("This column holds secrets: rows are neither sorted nor filtered by it."),
    "filter_invalid": N_("The column cannot be compared with that. Give a value of its type."),
    "inspection_timeout": N_(
        "The database took too long for this, and was stopped. Filter or sort by a column that "
        "has an index."
    ),
}

FIELDS = {
    "Missing data for required field.": N_("This is missing."),
    "Field may not be null.": N_("This is missing."),
    "Not a valid string.": N_("This must be text."),
    "Not a valid integer.": N_("This must be a whole number."),
    "Not a valid number.": N_("This must be a number."),
    "Not a valid boolean.": N_("This must be yes or no."),
    "Not a valid email address.": N_("This is not an e-mail address."),
    "Length must be between 3 and 50.": N_("Use 3 to 50 characters."),
    "Length must be between 1 and 100.": N_("Use 1 to 100 characters."),
    "Longer than maximum length 100.": N_("Use at most 100 characters."),
    "Longer than maximum length 254.": N_("Use at most 254 characters."),
    "Shorter than minimum length 1.": N_("This is missing."),
    "Use letters, digits, '.', '_' and '-' only.": N_(
        "Use letters from A to Z, digits, '.', '_' and '-' only."
    ),
    "There are characters in it that cannot be shown.": N_(
        "There are characters in it that cannot be shown."
    ),
    "Unknown field.": N_("This is not expected here."),
    "It must be a text.": N_("This must be text."),
    "It must be true or false.": N_("This must be yes or no."),
    "It must be a number.": N_("This must be a number."),
    "It must be a whole number of at most 100 digits.": N_("This must be a whole number."),
    "It must be a port, from 1 to 65535.": N_("This must be a port, from 1 to 65535."),
    "It must be a URL that begins with http:// or https://.": N_(
        "This must be an address that begins with http:// or https://."
    ),
    "It must be an e-mail address, such as name@example.org.": N_("This is not an e-mail address."),
    "It must be JSON.": N_("This must be JSON."),
    "It must be a list, such as [1, 2].": N_("This must be a list in JSON, such as [1, 2]."),
    "A value has at most 65536 characters.": N_("This is too long."),
}
"""What is wrong with one field, by what the API says of it."""

WEAK_PASSWORDS = (
    N_("The password is too short. Use at least 8 characters."),
    N_("The password is too long. Use at most 256 characters."),
    N_("The password is like the name or the address of the account. Use another."),
    N_("The password is one that is tried first. Use another."),
)
"""Why a password is weak, as the API says it; the code is the same for all."""

CONNECTION_STRINGS = (
    N_("The port must be a number from 1 to 65535."),
    N_("The connection string names several hosts. Name one."),
    N_(
        "The host must be a plain host name or IP address. Sockets, percent-encoding "
        "and IPv6 zones are not accepted."
    ),
    N_("The host is not an IPv6 address. Write it as in [::1]:5432."),
    N_("The host is not an IPv4 address of four decimal numbers."),
    N_(
        "The host is not a host name: letters, digits, '-' and '_' with dots between "
        "them, 253 characters at most."
    ),
    N_("The password must have 1 to 1024 bytes. If there is none, leave out the ':' as well."),
    N_(
        "sslmode=verify-ca does not check the host's name, so any certificate would "
        "do. Use sslmode=verify-full."
    ),
)
"""Why a connection string is refused that was put together from fields, as the API says it."""

GROUPS = {
    "request": REQUEST,
    "setup": SETUP | dict(zip(CONNECTION_STRINGS, CONNECTION_STRINGS, strict=True)),
    "accounts": ACCOUNTS | dict(zip(WEAK_PASSWORDS, WEAK_PASSWORDS, strict=True)),
    "database": DATABASE,
    "settings": SETTINGS,
    "plugins": PLUGINS,
    "inspection": INSPECTION,
    "fields": FIELDS,
}
"""What a page hands over to its script, by what the script is about."""

ALL = {code: text for group in GROUPS.values() for code, text in group.items()}
"""All of them, by the code or by what the API says."""
