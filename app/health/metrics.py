"""Figures for Prometheus, in its text format (version 0.0.4): of every media worker what it told with its last renewal.

They come from the database, so that it does not matter which process is asked. The format is a line for each figure; no
library is needed to write it.
"""

import hmac
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from sqlalchemy import select

from app.core.runtime import Work
from app.core.settings import Settings
from app.media import placement
from app.media.models import MediaWorker

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
# What a worker counts from its start on; everything else goes up and down.
_COUNTED = {
    *("bytes_in", "bytes_out", "packets_in", "packets_out", "nacks_received", "nacks_sent", "resent"),
    *("plis_received", "plis_sent", "dropped_unknown", "dropped_unsigned", "dropped_malformed"),
}
_LEFT_OUT = {"pid"}


def may_read(settings: Settings, authorization: str, address: str) -> bool:
    """Whether a request is one that METRICS_TOKEN or METRICS_ADDRESSES lets in."""
    token = settings.metrics_token.get_secret_value()
    if token and hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        return True
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(parsed in ip_network(network) for network in settings.metrics_addresses)


def render(work: Work) -> str:
    """All figures, those of one name together."""
    families: dict[str, list[str]] = {"parley_media_meetings_waiting": [str(placement.count_waiting(work))]}
    there = select(MediaWorker).where(MediaWorker.gone_at.is_(None)).order_by(MediaWorker.id)
    for worker in work.scalars(there):
        label = f'{{worker="{worker.name.translate(_ESCAPES)}"}}'
        for name, value in _figures(worker):
            families.setdefault(name, []).append(f"{label} {value!r}")
    lines = []
    for name, figures in families.items():
        lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
        lines += [f"{name}{figure}" if figure.startswith("{") else f"{name} {figure}" for figure in figures]
    return "\n".join(lines) + "\n"


def _figures(worker: MediaWorker) -> Iterator[tuple[str, int | float]]:
    told = {"active": int(worker.state == "active"), "load": worker.load, "capacity": worker.capacity}
    told |= {"participants": worker.participants, "tracks": worker.tracks}
    for name, value in (told | worker.stats).items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and _NAME.fullmatch(name) and name not in _LEFT_OUT:
            yield f"parley_media_worker_{name}" + ("_total" if name in _COUNTED else ""), value
