"""Alert keys and what waits under them."""
