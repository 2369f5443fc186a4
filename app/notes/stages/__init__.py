"""What each stage does. `make` works, and holds no transaction; `keep` writes down what it made, in one with the end of
the stage, while the notes are held. `pipeline.py` says how they follow, `stage_task.py` runs them.
"""
