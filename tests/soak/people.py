"""Those who do more than talk: each goes on in a thread of its own, and notes what was acknowledged."""

import hashlib
import io
import random
import threading
import time
import wave
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy

from tests.durability.device import register
from tests.durability.encoder import Encoder
from tests.soak.patient import GaveUp, Patient

SAMPLE_RATE = 8000
RECORDED_S = (2.0, 6.0)


@dataclass
class Acknowledged:
    """What the server has said yes to, by whom it belongs to."""

    chat: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # id and text, by meeting
    left: set[str] = field(default_factory=set)  # participants
    recordings: dict[str, tuple[float, float]] = field(default_factory=dict)  # from, until; time.monotonic()
    calls: dict[str, str] = field(default_factory=dict)  # their SHA-256
    clients: dict[str, Patient] = field(default_factory=dict)  # who may read a meeting, recording or call


class Person(ABC):
    """Does one thing again and again until `quiet`; what was begun is finished."""

    def __init__(self, port: int, name: str, noted: Acknowledged, refusals: list[str], ended: threading.Event) -> None:
        self.port = port
        self.token = register(port, name)
        self.client = Patient(port, self.token, refusals, ended)
        self.noted = noted
        self.chance = random.Random(name)
        self.quiet = threading.Event()
        self.failed = ""
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def join(self, within_s: float) -> bool:
        """Whether it has finished."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.begin()
            while not self.quiet.is_set():
                self.once()
                self.quiet.wait(self.chance.uniform(0, 1.5))
        except GaveUp:
            return
        except Exception as error:
            self.failed = f"{type(self).__name__} met {type(error).__name__}: {error}"

    def begin(self) -> None:  # noqa: B027 – most need nothing first
        """What has to be there first."""

    @abstractmethod
    def once(self) -> None: ...

    def open_meeting(self, media_mode: str = "p2p") -> str:
        wanted = {"title": "Soak", "media_mode": media_mode}
        meeting_id: str = self.client.ask("POST", "/meetings", wanted)[1]["id"]
        self.noted.clients[meeting_id] = self.client
        return meeting_id

    def enter(self, meeting_id: str) -> str:
        joined = self.client.ask("POST", f"/meetings/{meeting_id}/join", {"device": "phone"})[1]
        return str(joined["participant"]["id"])


class Chatter(Person):
    """Joins, writes, edits nothing, leaves."""

    def begin(self) -> None:
        self.meeting_id = self.open_meeting()

    def once(self) -> None:
        participant_id = self.enter(self.meeting_id)
        for _ in range(self.chance.randint(1, 4)):
            wanted = {"text": f"{self._said} {self.chance.random()}", "client_ref": str(self.chance.random())}
            message = self.client.ask("POST", f"/meetings/{self.meeting_id}/messages", wanted)[1]
            self.noted.chat.setdefault(self.meeting_id, []).append((message["id"], wanted["text"]))
        self.client.ask("PATCH", f"/participants/{participant_id}", {"hand": True})
        self.client.ask("POST", f"/participants/{participant_id}/leave")
        self.noted.left.add(participant_id)

    @property
    def _said(self) -> str:
        return self.chance.choice(("The agenda is in the calendar.", "I will send the offer by Friday.", "Yes."))


class Caller(Person):
    """Sends calls that were recorded elsewhere."""

    def once(self) -> None:
        content = _noise(self.chance)
        upload_id = self.client.upload("call_audio", "call.wav", "audio/wav", content)
        call_id = self.client.ask("POST", "/calls", {"upload_id": upload_id})[1]["id"]
        self.noted.calls[call_id] = hashlib.sha256(content).hexdigest()
        self.noted.clients[call_id] = self.client


class MockRecorder(Person):
    """Records a meeting whose media are mocked: the way of its states is that of every recording."""

    media_mode = "mock"

    def begin(self) -> None:
        self.meeting_id = self.open_meeting(self.media_mode)
        self.enter(self.meeting_id)

    def once(self) -> None:
        path = f"/meetings/{self.meeting_id}/recordings"
        status, recording = self.client.ask("POST", path, {}, allowed=(409, 503))
        if status != 201:  # the one before has not ended yet, or no worker is there
            return
        began_at = time.monotonic()
        self.noted.clients[recording["id"]] = self.client
        time.sleep(self.chance.uniform(*RECORDED_S))
        self.client.ask("POST", f"/recordings/{recording['id']}/stop", allowed=(409,))  # it may have failed meanwhile
        self.noted.recordings[recording["id"]] = began_at, time.monotonic()


class WorkerRecorder(MockRecorder):
    """Real sound and pictures through the media worker."""

    media_mode = "sfu"

    def once(self) -> None:
        try:
            with Encoder(self.port, self.token, self.meeting_id):
                super().once()
        except (OSError, TimeoutError, ValueError):
            self.quiet.wait(1)  # nobody forwards at the moment


KINDS: Sequence[tuple[type[Person], int]] = ((Chatter, 4), (Caller, 1), (MockRecorder, 1), (WorkerRecorder, 1))


def _noise(chance: random.Random) -> bytes:
    """Two seconds that no other call has."""
    samples = numpy.random.default_rng(chance.randrange(1 << 32)).integers(-9000, 9000, SAMPLE_RATE * 2, "<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue()
