// The kinds of offer that a browser makes, by name. Each entry takes `answerTo(sdp)`, which resolves to an answer's
// SDP, negotiates with it as often as it says, and returns its RTCPeerConnection. The last offer is the one meant.

async function negotiate(pc, answerTo) {
  await pc.setLocalDescription();
  await pc.setRemoteDescription({ type: "answer", sdp: await answerTo(pc.localDescription.sdp) });
}

async function addDevices(pc, kinds) {
  const stream = await navigator.mediaDevices.getUserMedia(kinds);
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
}

async function addCameraInThreeLayers(pc) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
  pc.addTransceiver(stream.getVideoTracks()[0], {
    direction: "sendonly",
    streams: [stream],
    sendEncodings: [
      { rid: "q", scaleResolutionDownBy: 4 },
      { rid: "h", scaleResolutionDownBy: 2 },
      { rid: "f" },
    ],
  });
}

const offers = {
  async audio_video(answerTo) {
    const pc = new RTCPeerConnection();
    await addDevices(pc, { audio: true, video: true });
    await negotiate(pc, answerTo);
    return pc;
  },

  async audio_only(answerTo) {
    const pc = new RTCPeerConnection();
    await addDevices(pc, { audio: true });
    await negotiate(pc, answerTo);
    return pc;
  },

  async receive_only(answerTo) {
    const pc = new RTCPeerConnection();
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.addTransceiver("video", { direction: "recvonly" });
    await negotiate(pc, answerTo);
    return pc;
  },

  async simulcast(answerTo) {
    const pc = new RTCPeerConnection();
    await addDevices(pc, { audio: true });
    await addCameraInThreeLayers(pc);
    await negotiate(pc, answerTo);
    return pc;
  },

  async data_channel(answerTo) {
    const pc = new RTCPeerConnection();
    pc.createDataChannel("chat");
    await negotiate(pc, answerTo);
    return pc;
  },

  async everything(answerTo) {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    await addDevices(pc, { audio: true });
    await addCameraInThreeLayers(pc);
    pc.createDataChannel("chat");
    await negotiate(pc, answerTo);
    return pc;
  },

  async screen_share(answerTo) {
    const pc = await offers.audio_video(answerTo);
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, preferCurrentTab: true });
    pc.addTrack(stream.getVideoTracks()[0], stream);
    await negotiate(pc, answerTo);
    return pc;
  },

  async stopped_transceiver(answerTo) {
    const pc = await offers.audio_video(answerTo);
    pc.getTransceivers()[1].stop();
    await negotiate(pc, answerTo);
    return pc;
  },

  async everything_stopped(answerTo) {
    const pc = await offers.audio_video(answerTo);
    for (const transceiver of pc.getTransceivers()) transceiver.stop();
    await negotiate(pc, answerTo);
    return pc;
  },

  // The m-line that was stopped is taken by a new one, with a new mid.
  async recycled_m_line(answerTo) {
    const pc = await offers.stopped_transceiver(answerTo);
    await addDevices(pc, { video: true });
    await negotiate(pc, answerTo);
    return pc;
  },

  async ice_restart(answerTo) {
    const pc = await offers.audio_video(answerTo);
    pc.restartIce();
    await negotiate(pc, answerTo);
    return pc;
  },

  // Codecs that no SFU of ours forwards, beside one that it does.
  async unforwarded_codec(answerTo) {
    const pc = new RTCPeerConnection();
    await addDevices(pc, { audio: true, video: true });
    const { codecs } = RTCRtpReceiver.getCapabilities("audio");
    pc.getTransceivers()[0].setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "audio/PCMU"));
    // Chromium has no codec that is not forwarded: this one is given the name of one that is gone.
    await negotiate(pc, (sdp) => answerTo(sdp.replaceAll(" PCMU/", " speex/")));
    return pc;
  },
};
