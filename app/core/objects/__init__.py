"""Object storage: whole files under keys. `base.py` says what every rung promises."""
