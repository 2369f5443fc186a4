"""Meetings that never took place, written down for the mock transcriber and the mock analyst."""
