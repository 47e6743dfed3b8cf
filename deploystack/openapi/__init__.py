"""The API documentation: made from the routes, for programs and for people.

``deploystack.documented`` is what a route says of itself; ``document`` makes one document of all,
when somebody asks for it first; ``routes`` shows it, unless an administrator has hidden it.
"""
