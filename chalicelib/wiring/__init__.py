"""Composition root: builds each collaborator on first use and never at import. One module a room, named as in services;
most stand on ``base``, ``stores``, ``frames`` and ``tickets``, and ``upkeep`` on all. They form no circle.

A function imports the rooms that it calls and names a builder: ``inbound.hear()``. At the top a room imports ``base``
alone; other rooms, services and stores are imported inside the builder that needs them, so that only what a builder
names is loaded.
"""
