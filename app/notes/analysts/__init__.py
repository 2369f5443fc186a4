"""What turns a transcript into notes. `base.py` says what every rung promises."""
