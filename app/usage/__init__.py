"""What one uses of all that has a limit."""
