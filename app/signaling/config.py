"""What a client must know before it exchanges media, in the shape of `RtcConfig`."""

from typing import Any

from app.core.runtime import Work
from app.meetings.models import Meeting
from app.participants.service import sfu_of
from app.signaling.ice_servers import build_ice_servers

# What every browser of the README's table can do with every other; the order is a preference.
CODECS = {"audio": ["opus"], "video": ["VP8", "H264", "VP9", "AV1"]}

# A camera's layers. From device to device one is enough: there is nobody who could choose. So it is where what is sent
# is encrypted from end to end: a media server that can't see where a key frame begins can't go over to another layer.
SIMULCAST = [
    {"rid": "q", "scale_down_by": 4, "max_bitrate": 150_000, "max_height": 180},
    {"rid": "h", "scale_down_by": 2, "max_bitrate": 500_000, "max_height": 360},
    {"rid": "f", "scale_down_by": 1, "max_bitrate": 1_700_000, "max_height": 720},
]


class SettingsRtcConfiguration:
    """The configuration as the settings have it."""

    def describe(self, work: Work, meeting: Meeting, for_whom: str) -> dict[str, Any]:
        settings = work.settings
        ice = build_ice_servers(
            stun_urls=settings.stun_urls,
            turn_urls=settings.turn_urls,
            turn_secret=settings.turn_secret.get_secret_value() if settings.turn_secret else "",
            ttl_s=settings.turn_ttl_s,
            participant_id=for_whom,
            now=work.now(),
        )
        sfu = sfu_of(work, meeting.id)
        return {
            "mode": meeting.effective_media_mode,
            "config_version": meeting.config_version,
            "sfu_participant_id": sfu.id if sfu else None,
            "ice_servers": ice.servers,
            "ice_expires_at": ice.expires_at,
            "codecs": CODECS,
            "simulcast": SIMULCAST if meeting.effective_media_mode in ("sfu", "mock") and not meeting.e2ee else [],
            "limits": {
                "sdp_bytes": settings.sdp_max_bytes_in(meeting.effective_media_mode),
                "candidate_bytes": settings.candidate_max_bytes,
                "batch": settings.signal_batch_max,
                "inbox_messages": settings.inbox_max_unacked,
            },
            "poll": {"wait_default_s": settings.poll_default_wait_s, "wait_max_s": settings.poll_max_wait_s},
            "stats": {"every_s": settings.call_stats_every_s},
        }

    def close(self) -> None:
        """Nothing is held."""
