"""What was made of voices: readings, corrections, lists, counts, and changes tried on them."""
