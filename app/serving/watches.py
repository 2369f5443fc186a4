"""What this process knows of the inboxes that are being polled in it: enough to answer a poll as Flask would.

Rules, and why they hold:

* **Flask first.** A watch is made of what Flask has just answered to the same device: the same `Authorization`, origin
  and inbox. It is good until the token ends, and for a device that goes on polling (`ACTIVE_S`): whoever comes back
  after a pause is met by Flask, which also notes their return.
* **It follows or it is forgotten.** A nudge with the next message moves a watch on. Any other nudge of its inbox (it
  was closed, renamed, acknowledged elsewhere, taken over by a newer poll; a message was skipped) or of its session (it
  has ended) makes it forgotten, and its parked poll is asked of Flask.
* **Nudges may be lost**, so that all watches are held against the database each second (`safety_net.py`), and none is
  trusted where that could not be done.

Everything here happens in one thread, that of the event loop.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any

from app.accounts.revocations import session_of
from app.core.wakeups.base import topic_of
from app.inbox.parking import OpenPoll
from app.inbox.service import News

ACTIVE_S = 5.0  # how long a device may pause between two polls; well below any PRESENCE_RECONNECTING_S
MOST_NEWS = 32  # messages that a watch keeps, and
MOST_NEWS_BYTES = 65_536  # their length in all; who is further behind reads the database
MOST_HEADERS = 1_000  # sets of headers that watches share; they differ by origin, and that is the client's to say

Headers = tuple[tuple[bytes, bytes], ...]


class Watch:
    """One device's view of its inbox. `poll_id` is what the database has as the inbox's newest poll; those that are
    answered from memory leave it at that."""

    __slots__ = (
        "acked_seq",
        "active_at",
        "head_seq",
        "headers",
        "inbox_id",
        "key",
        "news",
        "parked",
        "poll_id",
        "session_id",
        "stored_seq",
        "told_from",
        "topic",
        "user_id",
        "valid_until",
    )

    def __init__(self, key: bytes | None, opened: OpenPoll, headers: Headers, now: datetime) -> None:
        self.key = key
        self.user_id = opened.asked.user_id
        self.session_id = opened.asked.session_id
        self.inbox_id = opened.inbox_id
        self.topic = opened.topic
        self.poll_id = opened.poll_id
        self.head_seq = opened.head_seq
        self.acked_seq = opened.acked_seq  # up to where it was asked to, and
        self.stored_seq = opened.acked_seq  # up to where that is stored: no more is told to anybody
        self.valid_until = opened.asked.valid_until
        self.headers = headers  # of Flask's answers to this device, but for those that differ each time
        self.active_at = now
        self.told_from = opened.head_seq  # all messages behind this one are in `news`
        self.news: Sequence[News] = ()
        self.parked: Any = None  # the request that waits

    def valid_s(self, now: datetime) -> float:
        """How much longer the token is good."""
        return inf if self.valid_until is None else (self.valid_until - now).total_seconds()

    def hear(self, news: News) -> bool:
        """Take in the next message; False where it is not the next one."""
        if news.seq <= self.head_seq:
            return True  # nudges may be doubled
        if news.seq != self.head_seq + 1:
            return False
        self.head_seq = news.seq
        self.told_from = max(self.told_from, self.acked_seq)
        # A latest-only message replaces the one before about the same subject, as it does in the database.
        kept = [old for old in self.news if old.seq > self.acked_seq and old.subject != (news.subject or "")]
        kept.append(news)
        while len(kept) > MOST_NEWS or sum(len(one.message) for one in kept) > MOST_NEWS_BYTES:
            self.told_from = kept.pop(0).seq
        self.news = kept
        return True

    def acknowledge(self, up_to: int) -> None:
        self.acked_seq = max(self.acked_seq, up_to)
        if self.news:
            self.news = [one for one in self.news if one.seq > self.acked_seq] or ()
            self.told_from = max(self.told_from, self.acked_seq)

    def store(self, up_to: int) -> None:
        """What was acknowledged is stored up to there."""
        self.stored_seq = max(self.stored_seq, up_to)

    def behind(self, cursor: int, limit: int) -> Sequence[News] | None:
        """The messages with `seq > cursor`, at most `limit`; None where not all of them are known."""
        if cursor >= self.head_seq:
            return ()
        if cursor < self.told_from:
            return None
        return [one for one in self.news if one.seq > cursor][:limit]


class Watches:
    def __init__(self) -> None:
        self._by_key: dict[bytes, Watch] = {}
        self._by_topic: dict[str, Watch] = {}
        self._headers: dict[Headers, Headers] = {}  # most devices get the same
        self.seen: set[str] = set()  # inboxes whose owners were there since this was last emptied

    def __len__(self) -> int:
        return len(self._by_topic)

    def find(self, key: bytes, now: datetime) -> Watch | None:
        watch = self._by_key.get(key)
        if watch is None or (watch.parked is None and not _is_active(watch, now)):
            return None
        return watch

    def all(self) -> list[Watch]:
        return list(self._by_topic.values())

    def add(self, key: bytes | None, opened: OpenPoll, headers: Headers, now: datetime) -> tuple[Watch, Watch | None]:
        """A watch of what Flask saw, and the one of the same inbox that it replaces."""
        if len(self._headers) >= MOST_HEADERS:
            self._headers.clear()
        watch = Watch(key, opened, self._headers.setdefault(headers, headers), now)
        replaced = self._by_topic.get(watch.topic)
        if replaced is not None:
            self.forget(replaced)
        self._by_topic[watch.topic] = watch
        if key is not None:
            self._by_key[key] = watch
        return watch, replaced

    def forget(self, watch: Watch) -> None:
        """Repeating it changes nothing."""
        if self._by_topic.get(watch.topic) is watch:
            del self._by_topic[watch.topic]
        if watch.key is not None and self._by_key.get(watch.key) is watch:
            del self._by_key[watch.key]

    def concerned(self, nudges: Iterable[str]) -> list[str]:
        """Those of `nudges` that are about a watch. From any thread."""
        return [nudge for nudge in nudges if topic_of(nudge) in self._by_topic or session_of(nudge)]

    def hear(self, nudges: Iterable[str]) -> tuple[list[Watch], list[Watch]]:
        """Watches that have something new, and watches that were forgotten."""
        moved: dict[int, Watch] = {}
        lost: list[Watch] = []
        for nudge in nudges:
            topic = topic_of(nudge)
            watch = self._by_topic.get(topic)
            if watch is not None:
                news = News.of_line(nudge)
                if news is not None and watch.hear(news):
                    moved[id(watch)] = watch
                else:
                    self.forget(watch)
                    lost.append(watch)
            elif ended := session_of(topic):
                lost += self.forget_sessions({ended})
        return [watch for watch in moved.values() if watch not in lost], lost

    def forget_sessions(self, session_ids: set[str]) -> list[Watch]:
        """The watches of sessions that have ended; few end, so all are looked through."""
        lost = [watch for watch in self._by_topic.values() if watch.session_id in session_ids]
        for watch in lost:
            self.forget(watch)
        return lost

    def forget_idle(self, now: datetime) -> None:
        for watch in self.all():
            if watch.parked is None and not _is_active(watch, now):
                self.forget(watch)


def _is_active(watch: Watch, now: datetime) -> bool:
    return now - watch.active_at < timedelta(seconds=ACTIVE_S)
