"""A device in a call, as docs/mobile.md has an app behave, on a bad network and with a user who restarts it."""

import threading

from tests.durability.history import History
from tests.durability.listener import Attempt, Listener
from tests.durability.network import Network
from tests.durability.processes import Http
from tests.durability.sender import SEND_EVERY_S, Sender
from tests.support.people import PASSWORD


class Device:
    """`participant_id` in the meeting, signed in by `token`. It sends to `others` until it falls silent."""

    def __init__(
        self,
        port: int,
        token: str,
        meeting_id: str,
        participant_id: str,
        others: list[str],
        seed: int,
        every_s: tuple[float, float] = SEND_EVERY_S,
    ) -> None:
        self.token = token
        self.participant_id = participant_id
        self.network = Network(port, token)
        self.sender = Sender(self.network, meeting_id, participant_id, others, seed, every_s)
        self.listener = Listener(self.network, participant_id, self.sender.quiet, seed)
        runs = (self.listener.run, self.sender.run)
        self._threads = [threading.Thread(target=run, daemon=True) for run in runs]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def poll(self) -> Attempt:
        """The present one, or the last."""
        return self.listener.poll

    def fall_silent(self) -> None:
        """Send nothing more, once what was begun is acknowledged; and let the network be good from now on."""
        self.sender.fall_silent()

    def say_last_words(self) -> None:
        self.sender.say_last_words()

    def speak(self) -> None:
        self.sender.quiet.clear()

    @property
    def has_stopped(self) -> bool:
        """Something was said to it after which a client does not go on."""
        return not all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ends with the polls' next answer."""
        self.network.stopped.set()
        self.sender.quiet.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


def history_of(devices: list[Device]) -> History:
    return History(
        sent=[sent for device in devices for sent in device.sender.sent],
        replies={device.participant_id: device.listener.replies for device in devices},
        muted={device.participant_id: device.sender.muted for device in devices if device.sender.muted is not None},
        refusals=[refusal for device in devices for refusal in device.network.refusals],
    )


def register(port: int, name: str) -> str:
    """Their access token."""
    account = {"email": f"{name}@example.org", "password": PASSWORD, "display_name": name}
    return str(Http(port).ok("POST", "/auth/register", account)["access_token"])


def enter_a_meeting(
    port: int, number: int, seed: int, called: str = "anna", every_s: tuple[float, float] = SEND_EVERY_S
) -> list[Device]:
    """Devices of as many people in one live meeting. `every_s`: how often each sends."""
    names = [f"{called}{n}" for n in range(number)]
    tokens = [register(port, name) for name in names]
    owner = Http(port, tokens[0])
    meeting_id = owner.ok("POST", "/meetings", {"title": "Durability", "media_mode": "p2p"})["id"]
    invitees = {"invitees": [{"email": f"{name}@example.org"} for name in names[1:]]}
    owner.ok("POST", f"/meetings/{meeting_id}/invitations", invitees)
    joined = [
        Http(port, token).ok("POST", f"/meetings/{meeting_id}/join", {"device": "phone"})["participant"]["id"]
        for token in tokens
    ]
    return [
        Device(port, token, meeting_id, own, [other for other in joined if other != own], seed + index, every_s)
        for index, (token, own) in enumerate(zip(tokens, joined, strict=True))
    ]
