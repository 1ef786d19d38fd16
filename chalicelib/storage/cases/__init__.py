"""Tickets, and what lies beside them."""
