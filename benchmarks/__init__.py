"""Measurements of the real thing: ``make bench``."""
