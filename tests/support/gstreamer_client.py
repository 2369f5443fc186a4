"""An encoder and a player that are GStreamer's webrtcbin, over WHIP and WHEP. It is run by the system's Python, which
has GStreamer's bindings, and knows nothing of this project:

    /usr/bin/python3 gstreamer_client.py whip|whep URL TOKEN [codec]

It writes JSON, a line each: {"state": …} of the connection, {"video": frames, "audio": buffers} as they are decoded,
{"session": URL} once it is there. It ends, with a DELETE, when its standard input does.
"""

# mypy: ignore-errors
# (The system's Python runs it, and its bindings have no types.)

import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=300 ! rtpvp8pay picture-id-mode=15-bit",
    "h264": "openh264enc complexity=low gop-size=300 ! h264parse ! rtph264pay config-interval=-1",
    "vp9": "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=300 ! rtpvp9pay picture-id-mode=15-bit",
}
SENDING = """
  webrtcbin name=peer bundle-policy=max-bundle
  videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=10/1 ! {encoder}
    ! application/x-rtp,media=video,encoding-name={name},payload=96,clock-rate=90000 ! peer.
  audiotestsrc is-live=true freq=1000 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay
    ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000 ! peer.
"""
WANTED = {
    "video": "application/x-rtp,media=video,encoding-name={name},payload=96,clock-rate=90000,rtcp-fb-nack-pli=true",
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000",
}
DECODERS = {
    "VP8": "rtpvp8depay ! vp8dec",
    "VP9": "rtpvp9depay ! vp9dec",
    "H264": "rtph264depay ! h264parse ! openh264dec",
    "OPUS": "rtpopusdepay ! opusdec",
}


saying = threading.Lock()  # pictures and sound are counted in threads of their own


def say(**told):
    with saying:
        print(json.dumps(told), flush=True)


class Peer:
    def __init__(self, way, url, token, codec):
        self.url, self.token, self.session = url, token, None
        self.counts = {"video": 0, "audio": 0}
        name = codec.upper()
        if way == "whip":
            self.pipeline = Gst.parse_launch(SENDING.format(encoder=ENCODERS[codec], name=name))
        else:
            self.pipeline = Gst.Pipeline.new()
            self.pipeline.add(Gst.parse_launch("webrtcbin name=peer bundle-policy=max-bundle latency=100"))
        self.peer = self.pipeline.get_by_name("peer")
        # libnice leaves loopback out, and tests may have nothing else. (Python takes the only reference: it stays.)
        self.ice = self.peer.get_property("ice-agent")
        self.ice.emit("add-local-ip-address", "127.0.0.1")
        self.peer.connect("notify::connection-state", self.on_state)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("pad-added", self.on_pad)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection
        if way == "whep":
            for caps in WANTED.values():
                self.peer.emit("add-transceiver", direction.RECVONLY, Gst.Caps.from_string(caps.format(name=name)))
        self.pipeline.set_state(Gst.State.PLAYING)
        if way == "whip":
            for number in range(2):
                self.peer.emit("get-transceiver", number).set_property("direction", direction.SENDONLY)
        self.pipeline.get_bus().add_signal_watch()
        self.pipeline.get_bus().connect("message::error", self.on_error)
        GLib.timeout_add(100, self.offer)

    def offer(self):
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer, None))
        return False

    def on_offer(self, promise, _):
        reply = promise.get_reply()  # the offer is the reply's, and goes with it
        self.peer.emit("set-local-description", reply.get_value("offer"), None)

    def on_gathering(self, *_):
        state = self.peer.get_property("ice-gathering-state")
        if state == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.post)

    def post(self):
        text = self.peer.get_property("local-description").sdp.as_text()
        try:
            with self.request("POST", self.url, text.encode()) as answer:
                self.session = urllib.parse.urljoin(self.url, answer.headers["Location"])
                sdp = answer.read().decode()
        except urllib.error.HTTPError as error:
            say(refused=error.code, problem=error.read().decode())
            return False
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        answered = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.peer.emit("set-remote-description", answered, None)
        say(session=self.session)
        return False

    def request(self, method, url, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/sdp"}
        return urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60)

    def on_state(self, *_):
        say(state=self.peer.get_property("connection-state").value_nick)

    def on_error(self, _bus, message):
        say(error=str(message.parse_error()))

    def on_pad(self, _peer, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        caps = pad.get_current_caps().get_structure(0)
        kind, name = caps.get_string("media"), caps.get_string("encoding-name")
        chain = f"queue ! {DECODERS[name]} ! fakesink name=sink sync=false signal-handoffs=true"
        bin_ = Gst.parse_bin_from_description(chain, True)
        bin_.get_by_name("sink").connect("handoff", lambda *_: self.count(kind))
        self.pipeline.add(bin_)
        bin_.sync_state_with_parent()
        pad.link(bin_.get_static_pad("sink"))

    def count(self, kind):
        self.counts[kind] += 1
        say(**self.counts)

    def end(self):
        if self.session is not None:
            self.request("DELETE", self.session).close()
        self.pipeline.set_state(Gst.State.NULL)


def main():
    Gst.init(None)
    way, url, token = sys.argv[1:4]
    loop = GLib.MainLoop()
    peer = Peer(way, url, token, sys.argv[4] if len(sys.argv) > 4 else "vp8")

    def wait():
        sys.stdin.read()
        GLib.idle_add(loop.quit)

    threading.Thread(target=wait, daemon=True).start()
    loop.run()
    peer.end()


main()
