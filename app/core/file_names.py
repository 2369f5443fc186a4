"""The name that a download is saved under (RFC 6266, RFC 8187)."""

import unicodedata
from datetime import datetime
from urllib.parse import quote

LONGEST_TITLE = 180  # bytes; with date and ending it stays below the 255 at which file systems end a name
_NOT_IN_NAMES = set('\\/:*?"<>|')  # what Windows refuses
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # also what turns the direction of text: gpj.exe


def disposition(name: str) -> str:
    """`Content-Disposition` of a file to be saved as `name`, with an ASCII form for clients before RFC 8187."""
    name = _clean(name)
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    plain = f"{_ascii(stem) or 'file'}{dot}{_ascii(ending)}"
    header = f'attachment; filename="{plain}"'
    if plain == name:
        return header
    # RFC 8187 §3.2.1: the attr-char that quote() does not keep by itself
    return f"{header}; filename*=UTF-8''{quote(name, safe='!#$&+^`|')}"


def _ascii(text: str) -> str:
    # Cleaned again: the compatible form of a wide quotation mark is a plain one. No `%`: RFC 6266 appendix D.
    return _clean(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()).replace("%", "")


def file_name(title: str, held_at: datetime, ending: str) -> str:
    """A name that every file system takes, from what a person typed and the time in the meeting's zone."""
    stem = _clean(title).encode()[:LONGEST_TITLE].decode(errors="ignore").strip(" .")
    return f"{stem or 'recording'} {held_at:%Y-%m-%d %H.%M}{ending}"


def _clean(text: str) -> str:
    kept = (" " if letter in _NOT_IN_NAMES or unicodedata.category(letter) in _INVISIBLE else letter for letter in text)
    return " ".join("".join(kept).split())
