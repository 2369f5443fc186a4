"""A mixed load on everything at once, while whatever can be killed is killed at random; a checker then holds what was
acknowledged against what is there.

`make soak` runs it for half an hour; `test_soak.py` for two minutes. Servers, load and faults stay on loopback.
"""
