"""Characters: what is kept of them, what is hidden, how a file or a body is read."""
