"""What makes the file of a recording. `base.py` says what every rung promises."""
