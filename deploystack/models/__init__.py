"""The base schema: every table the core owns, but for the log of revisions.

Importing this package is what makes the tables known to ``flask db migrate``.
"""

from .audit import AuditEntry, operator, record
from .credential import ApiToken, LoginAttempt, LoginSession
from .setting import GlobalSetting, GlobalSettingGroup, SettingsState
from .user import Role, User, seed_roles

__all__ = [
    "ApiToken",
    "AuditEntry",
    "GlobalSetting",
    "GlobalSettingGroup",
    "LoginAttempt",
    "LoginSession",
    "Role",
    "SettingsState",
    "User",
    "operator",
    "record",
    "seed_roles",
]
