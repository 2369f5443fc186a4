"""What uploads are for: how large they may be, what they may contain, where they are stored."""

from dataclasses import dataclass

from app.core import errors
from app.core.objects.base import MOST_PARTS
from app.core.settings import Settings
from app.uploads.media_types import top_level


@dataclass(frozen=True)
class Purpose:
    """`kinds`: top-level media types that are taken; empty: all that is not refused anyway. `folder` begins keys.
    `is_begun_by_feature`: not by `POST /uploads`, but by the feature that takes it, which bounds how many there are.
    """

    folder: str
    setting: str  # the largest size in bytes
    kinds: frozenset[str] = frozenset()
    is_begun_by_feature: bool = False

    def largest(self, settings: Settings) -> int:
        size: int = getattr(settings, self.setting)
        return size

    def check_media_type(self, media_type: str) -> None:
        """:raises MediaTypeRefused:"""
        if self.kinds and top_level(media_type) not in self.kinds:
            wanted = " or ".join(sorted(self.kinds))
            raise errors.MediaTypeRefused(f"Only {wanted} is taken for this, and that is {media_type}.")


PURPOSES: dict[str, Purpose] = {
    "chat_file": Purpose("chat", "chat_file_max_bytes"),
    "recording_track": Purpose("recordings", "recording_track_max_bytes", frozenset({"audio", "video"})),
    "local_track": Purpose("recordings", "recording_track_max_bytes", frozenset({"audio", "video"}), True),
    "call_audio": Purpose("calls", "call_audio_max_bytes", frozenset({"audio", "video"})),
}


BY_CLIENTS = [name for name, purpose in PURPOSES.items() if not purpose.is_begun_by_feature]


def part_size(size: int, wanted: int) -> int:
    """`wanted` bytes, or as many more MiB as it takes for MOST_PARTS to hold `size` bytes."""
    mib = 1024 * 1024
    least = -(-size // MOST_PARTS)
    return max(wanted, -(-least // mib) * mib)
