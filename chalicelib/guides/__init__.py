"""Guides: what the administrator of a platform has to do there. One YAML file per adapter; see ``book.py``."""
