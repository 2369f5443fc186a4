"""Asking people to a meeting, and their answers: accept, reject, another time."""
