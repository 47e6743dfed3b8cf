"""The base schema: every table the core owns, but for the log of revisions.

Importing this package is what makes the tables known to ``flask db migrate``.
"""

from .setting import GlobalSetting, GlobalSettingGroup
from .user import Role, User, seed_roles

__all__ = ["GlobalSetting", "GlobalSettingGroup", "Role", "User", "seed_roles"]
