"""Calls that were recorded elsewhere: sent here, they get a transcript and notes as meetings do."""
