"""Figures for Prometheus, in its text format (version 0.0.4): of every process and media worker what it told last.

They come from the database, so that it does not matter which process is asked. The format is a line for each figure; no
library is needed to write it.
"""

import hmac
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import accumulate

from sqlalchemy import func, select

from app.core import processes
from app.core.figures import BUCKETS_S
from app.core.jobs.models import Job
from app.core.runtime import Work
from app.core.settings import Settings
from app.events import relay
from app.media import placement, quality
from app.media.models import MediaWorker
from app.webhooks import service as webhooks

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
# What a worker counts from its start on; everything else goes up and down.
_COUNTED = {
    *("bytes_in", "bytes_out", "packets_in", "packets_out", "nacks_received", "nacks_sent", "resent"),
    *("plis_received", "plis_sent", "dropped_unknown", "dropped_unsigned", "dropped_malformed"),
}
_LEFT_OUT = {"pid"}
_HISTOGRAMS = ("parley_wake_seconds", "parley_webhook_attempt_seconds")
_PART = re.compile(r"_(bucket|sum|count)$")

Figure = tuple[str, dict[str, str], int | float]  # name, labels, value


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
    families: dict[str, list[str]] = {}
    for name, labels, value in (
        *_of_media(work),
        *_of_jobs(work),
        *_of_events(work),
        *_of_webhooks(work),
        *_of_processes(work),
    ):
        told = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels.items())
        families.setdefault(name, []).append(f"{{{told}}} {value!r}" if told else f" {value!r}")
    lines = []
    for name, figures in families.items():
        family = _PART.sub("", name) if name.startswith(_HISTOGRAMS) else name
        kind = "histogram" if family != name else "counter" if name.endswith("_total") else "gauge"
        if f"# TYPE {family} {kind}" not in lines:
            lines.append(f"# TYPE {family} {kind}")
        lines += [name + figure for figure in figures]
    return "\n".join(lines) + "\n"


def _of_media(work: Work) -> Iterator[Figure]:
    yield "parley_media_meetings_waiting", {}, placement.count_waiting(work)
    in_calls, poor = quality.counts(work)
    yield "parley_call_devices", {}, in_calls
    yield "parley_call_devices_poor", {}, poor
    there = select(MediaWorker).where(MediaWorker.gone_at.is_(None)).order_by(MediaWorker.id)
    for worker in work.scalars(there):
        told = {"active": int(worker.state == "active"), "load": worker.load, "capacity": worker.capacity}
        told |= {"participants": worker.participants, "tracks": worker.tracks}
        for name, value in (told | worker.stats).items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if is_number and _NAME.fullmatch(name) and name not in _LEFT_OUT:
                ending = "_total" if name in _COUNTED else ""
                yield f"parley_media_worker_{name}{ending}", {"worker": worker.name}, value


def _of_jobs(work: Work) -> Iterator[Figure]:
    """Those that are not done; by the clock there are always the same."""
    open_ = Job.state.in_(("queued", "running", "failed")), Job.every_s.is_(None)
    counted = (
        select(Job.task, Job.state, func.count(), func.min(Job.run_at)).where(*open_).group_by(Job.task, Job.state)
    )
    waits_s = 0.0
    for task, state, number, first in work.execute(counted.order_by(Job.task, Job.state)):
        yield "parley_jobs", {"task": task, "state": state}, number
        if state == "queued":
            waits_s = max(waits_s, (work.now() - first).total_seconds())
    yield "parley_job_waits_seconds", {}, round(waits_s, 3)


def _of_events(work: Work) -> Iterator[Figure]:
    """What a broker, where there is one, still has to get."""
    if work.settings.events_broker_url is not None:
        waiting, since = relay.backlog(work)
        oldest_s = max(0.0, (work.now() - since).total_seconds()) if since else 0.0
        yield "parley_events_waiting", {}, waiting
        yield "parley_events_oldest_waiting_seconds", {}, round(oldest_s, 3)


def _of_webhooks(work: Work) -> Iterator[Figure]:
    """Of those that are not paused; where there are any."""
    backlog = webhooks.backlog(work)
    if backlog is not None:
        oldest_s = max(0.0, (work.now() - backlog.since).total_seconds()) if backlog.since else 0.0
        yield "parley_webhooks_waiting", {}, backlog.waiting
        yield "parley_webhooks_oldest_waiting_seconds", {}, round(oldest_s, 3)
        yield "parley_webhooks_paused", {}, backlog.paused


def _of_processes(work: Work) -> Iterator[Figure]:
    living = processes.living(work)
    for process in living:
        whose = {"process": f"{process.host}:{process.pid}", "role": process.role}
        yield "parley_process_up_seconds", whose, round((process.beat_at - process.started_at).total_seconds(), 3)
    told = [(f"{one.host}:{one.pid}", one.figures) for one in living if one.figures]
    for process_name, figures in told:
        for name, labels, value in figures["single"]:
            yield name, {"process": process_name, **labels}, value
    for process_name, figures in told:
        for name, counts in figures["histograms"].items():
            *numbers, seconds = counts
            for bound, up_to in zip((*BUCKETS_S, "+Inf"), accumulate(numbers), strict=True):
                yield f"{name}_bucket", {"process": process_name, "le": str(bound)}, up_to
            yield f"{name}_sum", {"process": process_name}, round(seconds, 6)
            yield f"{name}_count", {"process": process_name}, sum(numbers)
