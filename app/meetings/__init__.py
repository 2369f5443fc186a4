"""Meetings: created, scheduled, started, ended; and who belongs to them."""
