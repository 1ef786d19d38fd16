"""What came in by a hook, a file or a poll, before it is a voice."""
