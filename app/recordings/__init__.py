"""Recordings of meetings: started and stopped by their owner, kept as objects, downloaded afterwards."""
