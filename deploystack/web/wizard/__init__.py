"""``/setup``: from an empty folder to an administrator.

What is shown depends on the state of the application alone, so reloading or going back does no
harm. With JavaScript the pages call the API; without, the same forms are sent to ``/setup``, and
the same use cases are called here. ``docs/reference/wizard.md`` is for who uses it.
"""
