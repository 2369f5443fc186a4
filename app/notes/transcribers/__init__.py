"""What turns a meeting into a transcript. `base.py` says what every rung promises."""
