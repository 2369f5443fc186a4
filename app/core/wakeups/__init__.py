"""Wake-ups of parked polls: hints that may be lost or doubled, never the truth.

`hub.py` holds who waits in this process. `linked.py` joins the hubs of several processes; each rung beside
`in_process.py` is a way for it to send and to hear.
"""
