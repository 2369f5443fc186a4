"""What Parley is told of how media goes: of each track of a meeting, and of the worker as a whole."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from statistics import median
from typing import Any

from media_worker.session.participant import Participant
from media_worker.session.publishing import Published
from media_worker.sfu.counts import Counts
from media_worker.sfu.subscription import Subscription


def of_tracks(participants: Iterable[Participant]) -> list[dict[str, Any]]:
    """One for each track that is published, as `stats` of a report."""
    people = list(participants)
    consumers: dict[str, list[Subscription]] = {}
    for one in people:
        if one.subscribing.subscriber is not None:
            for subscription in one.subscribing.subscriber.subscriptions:
                consumers.setdefault(subscription.track.id, []).append(subscription)
    return [
        _of_track(published, consumers.get(published.track.id, []))
        for one in people
        for published in one.publishing.tracks.values()
    ]


def _of_track(published: Published, consumers: list[Subscription]) -> dict[str, Any]:
    sources = [layer.current for layer in published.layers if layer.current is not None]
    flowing = [one for one in consumers if one.flowing]
    by_layer = Counter(one.track.rid for one in flowing if one.track.rid)
    return {
        "track_id": published.track.id,
        "bitrate": round(sum(layer.bitrate for layer in published.layers)),
        "packets_lost": max(sum(source.reception.lost for source in sources), 0),
        "loss": round(max((source.reception.fraction_lost for source in sources), default=0.0), 4),
        "jitter_ms": round(max((_jitter_ms(source.reception) for source in sources), default=0.0), 1),
        "layers": [
            {
                "rid": layer.rid,
                "height": layer.height,
                "bitrate": round(layer.bitrate),
                "consumers": by_layer[layer.rid],
            }
            for layer in published.layers
            if layer.rid
        ],
        "consumers": {
            "flowing": len(flowing),
            "paused": sum(one.paused for one in consumers),
            "held": sum(one.held for one in consumers),
        },
    }


def _jitter_ms(reception: Any) -> float:
    return float(reception.jitter / reception.clock_rate * 1000)


def of_worker(participants: Iterable[Participant], counts: Counts, now: float) -> dict[str, Any]:
    """Flat, as `stats` of a renewal. Counts are those since the start, the rest is of this moment."""
    people = list(participants)
    sources = [source.reception for one in people for source in one.sources]
    subscribers = [one.subscribing.subscriber for one in people if one.subscribing.subscriber is not None]
    subscriptions = [one for subscriber in subscribers for one in subscriber.subscriptions]
    estimates = [bitrate for one in subscribers if (bitrate := one.estimate.bitrate(now)) is not None]
    return {
        "producers": sum(len(one.publishing.tracks) for one in people),
        "consumers": sum(one.flowing for one in subscriptions),
        "consumers_held": sum(one.held for one in subscriptions),
        "packets_lost": sum(source.lost for source in sources),
        "loss_out": round(max((one.fraction_lost for one in subscriptions), default=0.0), 4),
        "jitter_ms": round(max((_jitter_ms(source) for source in sources), default=0.0), 1),
        "estimate_least": round(min(estimates, default=0)),
        "estimate_median": round(median(estimates)) if estimates else 0,
    } | asdict(counts)
