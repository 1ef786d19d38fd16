"""What the numbers of a week are made of, and digests."""
