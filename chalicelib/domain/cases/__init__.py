"""A ticket and all that is said, promised and done about it."""
