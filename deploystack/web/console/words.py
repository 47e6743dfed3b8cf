"""What things of the API are called by people: actions, permissions, roles, states, operators."""

from __future__ import annotations

from ..language import N_, gettext

ACTIONS = {
    "plugins.retry": N_("Plugin tried again"),
    "settings.create": N_("Setting created"),
    "settings.delete": N_("Setting deleted"),
    "settings.group_create": N_("Group of settings created"),
    "settings.group_delete": N_("Group of settings deleted"),
    "settings.group_update": N_("Group of settings changed"),
    "settings.initialise": N_("Settings initialised"),
    "settings.reset": N_("Setting reset"),
    "settings.reveal": N_("Secret revealed"),
    "settings.rotate_key": N_("Key for secrets changed"),
    "settings.smtp_test": N_("Test message sent"),
    "settings.update": N_("Setting changed"),
    "tokens.create": N_("Token created"),
    "tokens.revoke": N_("Token revoked"),
    "users.change_password": N_("Password changed"),
    "users.create": N_("Account created"),
    "users.delete": N_("Account deleted"),
    "users.register": N_("Registered"),
    "users.update": N_("Account changed"),
}

PERMISSIONS = {
    "audit.view": N_("See the log"),
    "database.manage": N_("Look into the database"),
    "plugins.manage": N_("Manage plugins"),
    "settings.delete": N_("Delete settings"),
    "settings.edit": N_("Change settings"),
    "settings.reveal": N_("See secrets"),
    "settings.view": N_("See settings"),
    "users.create": N_("Create accounts"),
    "users.delete": N_("Delete accounts"),
    "users.edit": N_("Change accounts"),
    "users.view": N_("See accounts"),
}

ROLES = {
    "global_admin": N_("Administrator"),
    "global_user": N_("User"),
}

STATES = {
    "active": N_("Active"),
    "disabled": N_("Switched off"),
    "quarantined": N_("Out of service"),
    "ready": N_("Ready"),
    "waiting": N_("Waiting"),
}

BADGES = {
    "active": "badge-success",
    "disabled": "",
    "quarantined": "badge-danger",
    "ready": "badge-success",
    "waiting": "badge-warning",
}
"""How a state is shown."""

OPERATORS = {
    "is": N_("is"),
    "is_not": N_("is not"),
    "contains": N_("contains"),
    "begins": N_("begins with"),
    "less": N_("is less than"),
    "greater": N_("is greater than"),
    "empty": N_("is empty"),
    "not_empty": N_("is not empty"),
}

OWNERS = {
    "core": N_("Core"),
    "versions": N_("State of the schema"),
    "other": N_("Other tables"),
}

ABOUT_OWNERS = {
    "core": N_("What the application itself keeps."),
    "versions": N_("Which revisions were applied, and when."),
    "other": N_("Nothing that is installed has made these."),
}

TYPES = {
    "boolean": N_("Yes or no"),
    "email": N_("E-mail address"),
    "integer": N_("Whole number"),
    "json": N_("JSON"),
    "list": N_("List, as JSON"),
    "number": N_("Number"),
    "string": N_("Text"),
    "url": N_("Web address"),
}


def called(words: dict[str, str], name: str) -> str:
    """Return what ``name`` is called in the language of the request; itself, if nobody has said."""
    return gettext(words[name]) if name in words else name
