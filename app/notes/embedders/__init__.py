"""What turns texts into vectors that are near where the texts are alike. `base.py` says what every rung promises."""
