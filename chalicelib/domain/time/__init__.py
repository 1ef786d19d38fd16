"""Points in time, business hours, clocks, and what waits for its minute."""
