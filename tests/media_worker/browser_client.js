// One participant in a page: two peer connections, driven by a test through window.parley.
const config = { bundlePolicy: "max-bundle" };
let publish = null, subscribe = null, negotiation = 0, sources = {};
const send = (type, payload) => window.sendSignal(type, payload);

async function offer() {
  await publish.setLocalDescription();
  const tracks = publish.getTransceivers()
    .filter((one) => one.sender.track && one.mid !== null)
    .map((one) => ({ mid: one.mid, source: sources[one.sender.track.id] }));
  negotiation += 1;
  await send("rtc.offer", { connection: "publish", negotiation, sdp: publish.localDescription.sdp, tracks });
}

window.parley = {
  errors: [],
  heard: [], // on the data channel
  offers: 0,
  async share({ video = { width: 320, height: 180 }, codec = null, layers = null } = {}) {
    publish = new RTCPeerConnection(config);
    this.channel = publish.createDataChannel("chat");
    this.channel.onmessage = ({ data }) => this.heard.push(data);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
    for (const track of stream.getTracks()) {
      sources[track.id] = track.kind === "audio" ? "microphone" : "camera";
      const sendEncodings = (track.kind === "video" && layers) || [];
      const transceiver = publish.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings });
      if (codec && track.kind === "video") {
        const { codecs } = RTCRtpReceiver.getCapabilities("video");
        const first = codecs.filter((one) => one.mimeType === codec);
        transceiver.setCodecPreferences([...first, ...codecs.filter((one) => one.mimeType !== codec)]);
      }
    }
    await offer();
  },
  async shareScreen() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 240];
    const context = canvas.getContext("2d");
    setInterval(() => {
      context.fillStyle = `hsl(${Date.now() / 10}, 80%, 50%)`;
      context.fillRect(0, 0, 320, 240);
    }, 50);
    const stream = canvas.captureStream(15);
    sources[stream.getTracks()[0].id] = "screen";
    this.screen = publish.addTransceiver(stream.getTracks()[0], { direction: "sendonly", streams: [stream] });
    await offer();
  },
  async stopScreen() {
    this.screen.direction = "inactive";
    await this.screen.sender.replaceTrack(null);
    await offer();
  },
  async restartPublish() {
    publish.restartIce();
    await offer();
  },
  tell(text) {
    this.channel.send(text);
  },
  watch: () => send("rtc.subscribe", { fresh: true }),
  say: send,
  async receive(type, payload) {
    try {
      if (type === "rtc.answer") await publish.setRemoteDescription({ type: "answer", sdp: payload.sdp });
      if (type === "rtc.error") this.errors.push(payload.code);
      if (type !== "rtc.offer") return;
      this.offers += 1;
      if (!subscribe) {
        subscribe = new RTCPeerConnection(config);
        subscribe.ontrack = ({ transceiver, streams }) => {
          const element = document.createElement(transceiver.receiver.track.kind);
          Object.assign(element, { autoplay: true, muted: true, srcObject: streams[0] });
          element.dataset.mid = transceiver.mid;
          document.body.append(element);
        };
      }
      await subscribe.setRemoteDescription({ type: "offer", sdp: payload.sdp });
      await subscribe.setLocalDescription();
      await send("rtc.answer", {
        connection: "subscribe", negotiation: payload.negotiation, sdp: subscribe.localDescription.sdp,
      });
    } catch (error) {
      this.errors.push(String(error));
    }
  },
  // What arrives, by mid: {mid, kind, framesDecoded, packetsReceived, packetsLost, codec, nackCount, jitterBufferDelay}.
  async incoming() {
    if (!subscribe) return [];
    const stats = [...(await subscribe.getStats()).values()];
    return stats.filter((one) => one.type === "inbound-rtp").map((one) => ({
      ...one, codec: stats.find((other) => other.id === one.codecId)?.mimeType,
    }));
  },
  async outgoing() {
    const stats = [...(await publish.getStats()).values()];
    return {
      streams: stats.filter((one) => one.type === "outbound-rtp"),
      remote: stats.filter((one) => one.type === "remote-inbound-rtp"),
      pair: stats.find((one) => one.type === "candidate-pair" && one.nominated),
      srtp: stats.find((one) => one.type === "transport")?.srtpCipher,
    };
  },
};
