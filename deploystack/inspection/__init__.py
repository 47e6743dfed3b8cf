"""Looking into the database in use: its schema, its rows, its revisions, and how everything is.

Read-only, for the console and for scripts. A request goes ``routes`` → ``schema``, ``rows``,
``revisions`` or ``overview``; ``catalogue`` knows how each kind of database tells of its tables.
``docs/how-to/inspecting.md`` is the page for who uses it.
"""
