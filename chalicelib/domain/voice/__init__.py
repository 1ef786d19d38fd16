"""One voice: as it arrived, as it is kept, and what its score means."""
