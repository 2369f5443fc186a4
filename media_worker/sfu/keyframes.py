"""When to ask a publisher for a key frame: as seldom as will do for all who want one."""

_AT_MOST_EVERY_S = 0.5  # ten subscribers that join at once are one request
_AGAIN_AFTER_S = 1.0  # when none has come: the request, or the frame, got lost
_MAX_ASKED = 5  # where key frames can't be recognised there is no knowing; subscribers ask again themselves


class KeyFrameRequests:
    """Times are in seconds."""

    def __init__(self) -> None:
        self._wanted = False
        self._asked_at: float | None = None
        self._times = 0

    def request(self) -> None:
        self._wanted = True
        self._times = 0

    def arrived(self) -> None:
        """A key frame came; whoever asks from now on wants another."""
        self._wanted = False

    def due(self, now: float) -> bool:
        """Whether to ask now; if so, it counts as asked."""
        if not self._wanted:
            return False
        wait = _AT_MOST_EVERY_S if self._times == 0 else _AGAIN_AFTER_S
        if self._asked_at is not None and now - self._asked_at < wait:
            return False
        self._asked_at = now
        self._times += 1
        if self._times >= _MAX_ASKED:
            self._wanted = False
        return True
