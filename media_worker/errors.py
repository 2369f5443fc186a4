"""What can go wrong between a worker and those it speaks with."""


class PlacementGone(Exception):
    """Parley has placed the meeting elsewhere, or it has ended."""


class RecipientGone(Exception):
    """Of the messages of one request, the one at `index` is for somebody who is not there; none was sent."""

    def __init__(self, index: int, participant_id: str) -> None:
        super().__init__(participant_id)
        self.index, self.participant_id = index, participant_id


class RecordingGone(Exception):
    """Parley does not know the recording any more, or takes nothing more for it."""


class UploadRefused(Exception):
    """Parley does not take a file. It stays where it is."""


class ServiceKeyRefused(Exception):
    """Parley knows no such service key, or not any more."""


class Replaced(Exception):
    """Another worker has registered under this one's name, and has its place now."""


class NegotiationError(Exception):
    """What a client is told when its SDP cannot be used. `code` is stable, the sentence is for people."""

    code = "bad_sdp"


class BadSdp(NegotiationError):
    """The text is no SDP, or breaks a rule of it."""


class NoCommonCodec(NegotiationError):
    """Nothing that is offered can be forwarded."""

    code = "no_common_codec"


class NotAccepted(NegotiationError):
    """Well-formed, but more than a worker takes, or not meant for it."""

    code = "not_accepted"
