"""Users, signing in, sessions and their tokens."""
