// In place of camera and microphone: a picture of COLOUR, half of which flashes for the first 300 ms of every second, and
// a tone of 1 kHz at the same time.
(() => {
  const FLASH_S = 0.3;
  const SCALE = 1; // of 320 × 180
  let media = null;
  const make = () => {
    const audio = new AudioContext();
    const tone = new OscillatorNode(audio, { frequency: 1000 });
    const gate = new GainNode(audio, { gain: 0 });
    const out = audio.createMediaStreamDestination();
    tone.connect(gate).connect(out);
    tone.start();
    let scheduled = 0;
    const canvas = Object.assign(document.createElement("canvas"), { width: 320 * SCALE, height: 180 * SCALE });
    const pen = canvas.getContext("2d");
    setInterval(() => {
      while (scheduled < audio.currentTime + 1) {
        scheduled += 1;
        gate.gain.setValueAtTime(0.5, scheduled);
        gate.gain.setValueAtTime(0, scheduled + FLASH_S);
      }
      pen.fillStyle = COLOUR;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.fillStyle = audio.currentTime > 1 && audio.currentTime % 1 < FLASH_S ? "white" : "black";
      pen.fillRect(canvas.width / 2, 0, canvas.width / 2, canvas.height);
    }, 20);
    return new MediaStream([...out.stream.getTracks(), ...canvas.captureStream(25).getTracks()]);
  };
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    media ??= make();
    const tracks = [...(audio ? media.getAudioTracks() : []), ...(video ? media.getVideoTracks() : [])];
    return new MediaStream(tracks.map((track) => track.clone()));
  };
})();
