"""Every block of the documentation, carried out: see tests/support/reader.py."""
