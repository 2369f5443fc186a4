"""The half of a device that sends: it repeats what was not acknowledged, alone or along with what came up since."""

import threading
from collections import defaultdict
from typing import Any

from tests.durability.history import Sent
from tests.durability.network import Line, Network

SEND_EVERY_S = (0.01, 0.06)
HANG_UPS = 0.04  # of all requests
MUTES = 0.05  # of all sends are a change of its own state instead
LARGE_BATCHES = 0.3  # go to everybody, some of them twice
GROWS = 0.3  # of all repeats carry one signal more
REPEATS = 0.05  # of all batches are sent once more although they were answered


class Sender:
    """`sent`: what was acknowledged. `muted`: what it last made of itself; None: as it joined. `every_s`: how long it
    pauses between two requests, from and to.
    """

    def __init__(
        self,
        network: Network,
        meeting_id: str,
        participant_id: str,
        others: list[str],
        seed: int,
        every_s: tuple[float, float] = SEND_EVERY_S,
    ) -> None:
        self.sent: list[Sent] = []
        self.muted: bool | None = None
        self.quiet = threading.Event()
        self._network = network
        self._path = f"/meetings/{meeting_id}/rtc/signals"
        self._participant_id = participant_id
        self._others = others
        self._seed = seed
        self._every_s = every_s
        self._sending = threading.Lock()  # held while a send is not yet acknowledged
        self._numbers: dict[str, int] = defaultdict(int)

    def run(self) -> None:
        line = self._network.line(self._seed)
        while not self._network.stopped.wait(line.chance.uniform(*self._every_s)):
            with self._sending:
                if self.quiet.is_set():
                    continue
                if line.chance.random() < MUTES:
                    self._turn_the_microphone(line)
                else:
                    self._send(line, self._some(line), HANG_UPS)

    def fall_silent(self) -> None:
        """Send nothing more, once what was begun is acknowledged."""
        self.quiet.set()
        assert self._sending.acquire(timeout=60), "a send is never acknowledged"
        self._sending.release()

    def say_last_words(self) -> None:
        """One more signal to each other, from this thread, on a network that is good."""
        with self._sending:
            self._send(self._network.line(self._seed), self._others, hang_ups=0)

    def _some(self, line: Line) -> list[str]:
        if line.chance.random() < LARGE_BATCHES:
            return line.chance.sample(self._others * 2, len(self._others) + 1)
        return [line.chance.choice(self._others)]

    def _turn_the_microphone(self, line: Line) -> None:
        self.muted = self.muted is False  # who joins is muted
        path, failures = f"/participants/{self._participant_id}", 0
        while not self._network.stopped.is_set() and not line.ask("PATCH", path, {"muted": self.muted})[0]:
            failures += 1
            line.pause(failures)

    def _send(self, line: Line, recipients: list[str], hang_ups: float) -> None:
        messages = [self._message(recipient) for recipient in recipients]
        failures = 0
        while not self._network.stopped.is_set():
            status, answer = line.ask("POST", self._path, self._body(messages), hang_ups)
            if status == 201:
                self._note(messages, answer)
                if line.chance.random() < hang_ups * REPEATS / HANG_UPS:
                    self._repeat(line, messages, answer)
                return
            failures += 1
            line.pause(failures)
            if hang_ups and line.chance.random() < GROWS:
                messages.append(self._message(line.chance.choice(self._others)))

    def _message(self, recipient: str) -> dict[str, Any]:
        self._numbers[recipient] += 1
        number = self._numbers[recipient]
        payload = {"candidate": None, "number": number}
        return {
            "to": recipient,
            "type": "rtc.candidate",
            "payload": payload,
            "client_ref": f"{recipient[-12:]}-{number}",
        }

    def _body(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        return {"from": self._participant_id, "messages": messages}

    def _note(self, messages: list[dict[str, Any]], answer: Any) -> None:
        for message, item in zip(messages, answer["items"], strict=True):
            self.sent.append(Sent(self._participant_id, message["to"], message["payload"]["number"], item["id"]))

    def _repeat(self, line: Line, messages: list[dict[str, Any]], before: Any) -> None:
        status, answer = line.ask("POST", self._path, self._body(messages))
        if status == 201 and answer != before:
            self._network.refusals.append(f"POST {self._path} repeated: {answer} instead of {before}")
