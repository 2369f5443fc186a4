"""A copy of everything that is kept of a person (GDPR, articles 15 and 20)."""
