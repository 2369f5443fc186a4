"""Which bytes of a file a `Range` header asks for (RFC 9110 §14.1.2, §14.2)."""

import re
from dataclasses import dataclass

from app.core import errors

# 40 digits are more than any client writes, and few enough that int() takes no time.
_SPEC = re.compile(r"[ \t]*(\d{0,40})-(\d{0,40})[ \t]*", re.ASCII)


@dataclass(frozen=True)
class ByteRange:
    """`length` bytes from byte `start`, at least one, all of them within a file of `size` bytes."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def asked_range(header: str | None, size: int) -> ByteRange | None:
    """The one range that `header` asks for of a file of `size` bytes; None: send the whole file.

    Several ranges, other units and what is no range at all get the whole file: §14.2 lets a server ignore them,
    and no client can do without that.

    :raises RangeNotSatisfiable: the file ends before the range begins. Its Content-Range tells the size (§15.5.17).
    """
    unit, _, specs = (header or "").partition("=")
    found = _SPEC.fullmatch(specs)
    if unit.strip().lower() != "bytes" or found is None:
        return None
    first, last = found.groups()
    if not (first or last):
        return None
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise errors.RangeNotSatisfiable(f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"})
    return ByteRange(start, end - start, size)
