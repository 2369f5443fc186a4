"""Wake-ups of parked polls: hints that may be lost or doubled, never the truth."""
