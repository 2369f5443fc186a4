// A bar that moves with the microphone, so that one sees that it hears.

import { h } from "../ui/dom.js";

const LOUD = 0.25; // the level of a raised voice close to the microphone, at which the bar is full

export function meter() {
  const bar = h("span", { class: "meter-bar" });
  const element = h("span", { class: "meter", "aria-hidden": "true" }, bar);
  let context = null;
  let source = null;
  let frame = null;
  let track = null;

  function listen(next) {
    if (next === track) return;
    stop();
    track = next;
    if (!track) return;
    context ??= new AudioContext();
    context.resume().catch(() => {}); // not before a click in some browsers; then the bar stays still
    source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      bar.style.setProperty("--level", Math.min(1, level / LOUD).toFixed(2));
      frame = requestAnimationFrame(draw);
    };
    draw();
  }

  function stop() {
    cancelAnimationFrame(frame);
    source?.disconnect();
    source = null;
    track = null;
    bar.style.setProperty("--level", "0");
  }

  return {
    element,
    listen,
    close: () => {
      stop();
      context?.close();
      context = null;
    },
  };
}
