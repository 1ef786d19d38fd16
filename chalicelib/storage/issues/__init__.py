"""Issues, their effects, insights and recurrences."""
