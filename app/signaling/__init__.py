"""Signaling: what peers tell each other before media can flow."""
