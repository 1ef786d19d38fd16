"""What people configure, organisations, and credentials."""
