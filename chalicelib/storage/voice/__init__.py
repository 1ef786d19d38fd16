"""Feedback, its revisions and its lists."""
