"""How far pollers and files have come, and the files."""
