"""Sound made ready to be transcribed: `apart.py` has what others call."""
