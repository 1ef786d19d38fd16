"""Code frames, corrections, what waits for review, counted hours, dry runs."""
