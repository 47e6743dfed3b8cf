"""Everything that a plugin imports. ``docs/reference/plugins.md`` is the page for its author.

from deploystack.plugins import Model, PluginMetadata, db, hookimpl
"""

from ..access import Principal, current_principal, require_login, require_permission
from ..app import json_response
from ..auth import declare_permissions
from ..database.binding import db
from ..database.engines import READ_ONLY
from ..database.secrecy import NO_SECRET, SECRET, secret_where
from ..database.types import UTCDateTime
from ..documented import Documented, File
from ..errors import ApiError
from ..http import read_json, require_same_origin
from ..models import Role, User
from ..models.timestamps import Timestamps
from ..settings import SettingMissing, UnknownSetting, settings
from .declarations import PluginMetadata, Setting, SettingGroup
from .hookspecs import hookimpl
from .model import Model

__all__ = [
    "NO_SECRET",
    "READ_ONLY",
    "SECRET",
    "ApiError",
    "Documented",
    "File",
    "Model",
    "PluginMetadata",
    "Principal",
    "Role",
    "Setting",
    "SettingGroup",
    "SettingMissing",
    "Timestamps",
    "UTCDateTime",
    "UnknownSetting",
    "User",
    "current_principal",
    "db",
    "declare_permissions",
    "hookimpl",
    "json_response",
    "read_json",
    "require_login",
    "require_permission",
    "require_same_origin",
    "secret_where",
    "settings",
]
