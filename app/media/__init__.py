"""Media that an SFU carries, or that the mock one only promises to."""
