"""PostgreSQL: reading a connection string, reaching a server safely, and what it answers."""

from .connection import classify, connect, cut_off, watchdog

__all__ = ["classify", "connect", "cut_off", "watchdog"]
