"""Deliveries to other systems, and what comes back from them."""
