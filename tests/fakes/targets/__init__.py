"""Systems of record in memory, each as strict as its documented contract: ``tests/fakes/targets/<connector>.py``.

Each file has one class ``Target``: made without arguments it takes what the connector's ``PROFILE`` has;
``answer(request)`` answers one request, an unknown path or field and a missing proof with the vendor's documented
error; ``items`` maps our ticket to its newest item there: ``id``, ``status`` (their word) and ``history`` (of those
words, oldest first). One whose items can be read back has ``by_hand(ticket, word)``: somebody changes an item there,
and no webhook tells of it. Each rule cites the contract sheet in a comment (``contracts §2.8``).
"""
