"""Deliveries, items in other systems, and what they said."""
