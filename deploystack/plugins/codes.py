"""What a plugin can be out of service for; docs/reference/plugins.md explains it to authors."""

from __future__ import annotations

OUT_OF_SERVICE = (
    "plugin_command_invalid",
    "plugin_foreign_key_invalid",
    "plugin_hook_failed",
    "plugin_hook_unknown",
    "plugin_import_failed",
    "plugin_migration_failed",
    "plugin_name_invalid",
    "plugin_name_taken",
    "plugin_newer",
    "plugin_no_permission",
    "plugin_ready_failed",
    "plugin_request_failed",
    "plugin_route_invalid",
    "plugin_seed_failed",
    "plugin_setting_invalid",
    "plugin_settings_failed",
    "plugin_table_invalid",
    "plugin_tables_differ",
    "plugin_tables_failed",
    "plugin_timeout",
    "plugin_waiting",
)
"""503: the routes of that plugin answer with one of them, and no others do."""
