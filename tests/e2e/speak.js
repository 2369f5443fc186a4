// In place of the microphone: a quiet room, and what `speak` is given at the moment that it names. The camera stays.
(() => {
  const ROOM = 0.001; // of full scale, at most; without any source, no frames would come
  const audio = new AudioContext();
  const out = audio.createMediaStreamDestination();
  const noise = audio.createBuffer(1, 2 * audio.sampleRate, audio.sampleRate);
  noise.getChannelData(0).forEach((_, n, samples) => (samples[n] = ROOM * (2 * Math.random() - 1)));
  const room = new AudioBufferSourceNode(audio, { buffer: noise, loop: true });
  room.connect(out);
  room.start();
  const { mediaDevices } = navigator;
  const open = mediaDevices?.getUserMedia.bind(mediaDevices);
  if (!open) return;
  mediaDevices.getUserMedia = async ({ audio: heard, video }) => {
    const seen = video ? await open({ video }) : new MediaStream();
    const voice = heard ? out.stream.getAudioTracks().map((track) => track.clone()) : [];
    return new MediaStream([...voice, ...seen.getVideoTracks()]);
  };
  // `wav` in base64; `atMs` on this machine's clock, and far enough ahead for the sound to be decoded.
  window.speak = async (wav, atMs) => {
    await audio.resume();
    const bytes = Uint8Array.from(atob(wav), (character) => character.charCodeAt(0));
    const source = new AudioBufferSourceNode(audio, { buffer: await audio.decodeAudioData(bytes.buffer) });
    source.connect(out);
    const inS = (atMs - performance.timeOrigin - performance.now()) / 1000;
    if (inS < 0) throw new Error(`too late to speak by ${-inS} s`);
    source.start(audio.currentTime + inS);
  };
})();
