"""What is downloaded, and the name that it is saved under (RFC 6266, RFC 8187)."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

FALLBACK = "recording"
LONGEST_TITLE = 180  # bytes; with date and ending it stays below the 255 at which file systems end a name
_NOT_IN_NAMES = set('\\/:*?"<>|')  # what Windows refuses
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # also what turns the direction of text: gpj.exe


@dataclass(frozen=True)
class Download:
    """A file in the object store. `sha256` in hex, `size` in bytes, `name` as people are to see it."""

    key: str
    content_type: str
    size: int
    sha256: str
    name: str

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'


def disposition(name: str) -> str:
    """`Content-Disposition` of a file to be saved as `name`, with an ASCII form for clients before RFC 8187."""
    stem, _, ending = name.rpartition(".")
    # Cleaned again: the compatible form of a wide quotation mark is a plain one. No `%`: RFC 6266 appendix D.
    plain = _clean(unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()).replace("%", "")
    header = f'attachment; filename="{plain or FALLBACK}.{ending}"'
    if plain == stem:
        return header
    # RFC 8187 §3.2.1: the attr-char that quote() does not keep by itself
    return f"{header}; filename*=UTF-8''{quote(name, safe='!#$&+^`|')}"


def file_name(title: str, held_at: datetime, ending: str) -> str:
    """A name that every file system takes, from what a person typed and the time in the meeting's zone."""
    stem = _clean(title).encode()[:LONGEST_TITLE].decode(errors="ignore").strip(" .")
    return f"{stem or FALLBACK} {held_at:%Y-%m-%d %H.%M}{ending}"


def _clean(text: str) -> str:
    kept = (" " if letter in _NOT_IN_NAMES or unicodedata.category(letter) in _INVISIBLE else letter for letter in text)
    return " ".join("".join(kept).split())
