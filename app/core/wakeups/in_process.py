"""Wake-ups within one process: the hub alone."""

from app.core.wakeups.hub import Hub


class InProcessWakeups(Hub):
    """For one process that serves polls and does everything that they wait for, such as a test."""
