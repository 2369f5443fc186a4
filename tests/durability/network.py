"""A bad network between a device and the API: answers are lost, and connections with them."""

import random
import threading
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from tests.durability.processes import Http

FIRST_PAUSE_S = 0.05  # a tenth of what apps use, and so are the others: more requests meet a server that is away
LONGEST_PAUSE_S = 1.0
NOT_NOW = (429, 502, 503, 504)  # answers after which a client tries again


@dataclass
class Network:
    """What the threads of one device share. `refusals`: answers that no client should get."""

    port: int
    token: str
    stopped: threading.Event = field(default_factory=threading.Event)
    refusals: list[str] = field(default_factory=list)
    turned_away: int = 0  # answers that asked to come again later

    def line(self, seed: int) -> "Line":
        return Line(self, random.Random(seed))


class Line:
    """One connection at a time, for one thread; `chance` decides when it breaks."""

    def __init__(self, network: Network, chance: random.Random) -> None:
        self.network = network
        self.chance = chance
        self._http = Http(network.port, network.token)

    def ask(self, method: str, path: str, body: Any = None, hang_ups: float = 0.0) -> tuple[int, Any]:
        """Status and body; 0 where there was no whole answer, or none that is worth more than that.

        :param hang_ups: how likely it is that the request was sent once before, by a connection that broke then.
        """
        try:
            if self.chance.random() < hang_ups:
                self._hang_up(method, path, body)
            status, answer = self._http.request(method, path, body)
        except (OSError, HTTPException):
            return 0, None
        except ValueError as error:
            self._refuse(f"{method} {path} was answered by no JSON: {error}")
            return 0, None
        if status in (200, 201):
            return status, answer
        if status not in NOT_NOW:
            self._refuse(f"{method} {path} {status} {answer}")
            return status, answer
        if not (self._http.retry_after or "").isdigit():
            self._refuse(f"{method} {path} {status} without Retry-After: {answer}")
        self.network.turned_away += 1
        return 0, None

    def _refuse(self, what: str) -> None:
        self.network.refusals.append(what)
        self.network.stopped.set()

    def _hang_up(self, *request: Any) -> None:
        self._http.send(*request)
        self.network.stopped.wait(self.chance.choice((0, self.chance.uniform(0, 0.02))))
        self._http.connection.close()

    def reconnect(self) -> None:
        """The next request opens a connection."""
        self._http.connection.close()

    def pause(self, failures: int) -> None:
        self.network.stopped.wait(self.chance.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures)))
