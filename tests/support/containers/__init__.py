"""What a container engine and systemd do with our files, done without either of them.

``sandbox`` runs a program in namespaces of its own, ``dockerfile`` builds an image, ``compose``
and ``units`` start what their files describe. What one of them does not know it refuses, so that
nothing in a file is passed over in silence.
"""
