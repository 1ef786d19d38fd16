"""Public holidays that ship, compiled by ``python -m infra.calendars``."""
