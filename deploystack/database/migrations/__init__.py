"""The schema: its revisions, applying them, and what a database holds."""
