"""Who gets which packets, and what is said about them: publishers, tracks, subscribers.

Nothing here knows a socket: what is to be sent goes through callables.
"""
