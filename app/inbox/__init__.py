"""Stores, delivers and acknowledges messages, and records when an inbox's owner was last seen. Knows no meeting."""
