"""What a subscriber's path is used for, with layers that are sent and an estimate that is told."""

from media_worker.rtp import extensions
from media_worker.rtp import packet as rtp
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering
from media_worker.sfu.bandwidth import BandwidthEstimate
from media_worker.sfu.sharing import Sharing
from media_worker.sfu.subscription import Subscription
from media_worker.sfu.track import Format, Track

RATES = {"q": 100_000.0, "h": 300_000.0, "f": 900_000.0}
NOW = 10.0


def camera(who: str, rids: str = "qhf", *, source: str = "camera") -> list[Track]:
    formats = {96: Format("VP8", 90_000, 96)}
    layers = [
        Track(who, who, "video", source, "1", formats, rid=rid, place=(number, len(rids)))
        for number, rid in enumerate(rids)
    ]
    for layer in layers:
        layer.bitrate = RATES[layer.rid]
        layer.last = (0, NOW)
    return layers


def subscription(layers: list[Track], **wishes: object) -> Subscription:
    one = Subscription(layers[0], Route(None, 1, Numbering(0, 0)), "c", layers=layers, **wishes)  # type: ignore[arg-type]
    one.start()
    return one


def sharing(bitrate: float) -> tuple[Sharing, BandwidthEstimate]:
    estimate = BandwidthEstimate()
    estimate.on_remb(bitrate, 0.0)
    return Sharing(estimate), estimate


def aimed(one: Subscription) -> str:
    """The layer whose key frame it waits for; with that it has it."""
    layer = next((layer for layer in one.layers if one in layer.waiting), None)
    if layer is not None:
        empty = rtp.parse(bytes.fromhex("8060000100000000") + bytes(4))
        one.key_frame_came(layer, rtp.for_forwarding(empty, 1, 0, 96, extensions.NONE), NOW)
    return one.track.rid if one.flowing else ""


def test_everybody_gets_the_layer_that_they_have_a_use_for() -> None:
    anna, bert = subscription(camera("anna"), max_height=180), subscription(camera("bert"))
    shared, _ = sharing(5_000_000)
    shared.share([anna, bert], NOW, [])
    assert (aimed(anna), aimed(bert)) == ("q", "f")
    assert shared.lacks is None


def test_a_layer_that_its_publisher_does_not_send_is_nobodys() -> None:
    layers = camera("anna")
    layers[2].last = (0, NOW - 5)
    anna = subscription(layers)
    sharing(5_000_000)[0].share([anna], NOW, [])
    assert aimed(anna) == "h"


def test_a_screen_comes_before_a_camera_and_a_loud_one_before_a_quiet_one() -> None:
    screen = subscription(camera("cleo", "f", source="screen"))
    quiet, loud = subscription(camera("anna")), subscription(camera("bert"))
    shared, _ = sharing(1_500_000)
    shared.share([quiet, loud, screen], NOW, ["bert"])
    assert [aimed(one) for one in (quiet, loud, screen)] == ["q", "h", "f"]
    assert shared.lacks is not None
    assert shared.lacks > 2_700_000


def test_a_picture_is_stopped_only_after_a_while_one_at_a_time_and_comes_back() -> None:
    one, other = subscription(camera("anna", "h")), subscription(camera("bert", "h"))
    shared, estimate = sharing(500_000)
    for at in (0.0, 1.0, 2.0):
        estimate.congested_at = NOW + at
        shared.share([one, other], NOW + at, ["anna"])
    assert (one.flowing, other.flowing) == (True, True)
    for at in (3.0, 3.5):
        estimate.congested_at = NOW + at
        shared.share([one, other], NOW + at, ["anna"])
    assert (one.flowing, other.flowing, other.held) == (True, False, True)
    estimate.on_remb(2_000_000, NOW + 5)
    shared.share([one, other], NOW + 5, ["anna"])
    assert (one.flowing, other.flowing) == (True, True)
