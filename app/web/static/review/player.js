// The player beside a transcript: one part at a time, with captions, in the transcript's time.

import { fill, h } from "../ui/dom.js";
import { words } from "../ui/words.js";
import { placeOf } from "./parts.js";
import { jump, playIn } from "./playing.js";

/** Fires `time` as it plays and as somebody seeks. */
export class ReviewPlayer extends EventTarget {
  #parts = [];
  #part = null;
  #media = null;
  #loading = null;
  #captionsOf;
  #captions = null; // {url, track} of the part that is shown
  #reading = null; // the newest attempt at them
  #place = h("div", { class: "player" });
  #choice = h("select", { "aria-label": "Recording", hidden: true, onchange: () => this.open(this.#choice.value) });
  element = h("div", { class: "review-player" }, this.#choice, this.#place);

  /** @param {(partId: string) => Promise<Blob | null>} captionsOf WebVTT in the part's own time */
  constructor(captionsOf) {
    super();
    this.#captionsOf = captionsOf;
  }

  /** In the transcript's time; null: nothing is open. */
  get now() {
    return this.#media && this.#part ? this.#part.startS + this.#media.currentTime : null;
  }

  get partId() {
    return this.#part?.id ?? null;
  }

  /** What plays goes on, if it is still there. */
  draw(parts) {
    this.#parts = parts;
    const playable = parts.filter((one) => one.isReady);
    this.element.hidden = playable.length === 0;
    this.#choice.hidden = playable.length < 2;
    fill(
      this.#choice,
      playable.map(({ id, label }) => h("option", { value: id }, label)),
    );
    const same = playable.find(({ id }) => id === this.partId);
    if (same) {
      this.#part = same;
      this.#choice.value = same.id;
    } else if (playable.length > 0) this.open(playable[0].id);
    else this.#close();
  }

  /** @param {number} at in the part's own seconds */
  async open(partId, { at = 0, playing = false } = {}) {
    const part = this.#parts.find(({ id, isReady }) => id === partId && isReady);
    if (!part) return;
    if (part.id === this.partId && this.#media) return this.#jump(at, playing);
    this.#close();
    this.#part = part;
    this.#choice.value = part.id;
    fill(this.#place, h("p", { class: "hint", role: "status" }, "Loading …"));
    const onPlayer = (media) => this.#use(media);
    const loading = (this.#loading = part.load());
    try {
      const details = await loading;
      if (loading === this.#loading) playIn(this.#place, details, part.load, { at, playing, onPlayer });
    } catch (error) {
      if (loading === this.#loading) fill(this.#place, h("p", { class: "problem", role: "alert" }, words(error)));
    }
  }

  /** To a second of the transcript, in whichever part that is. What plays goes on there. */
  seek(seconds) {
    const place = placeOf(this.#parts, seconds);
    if (place) this.open(place.part.id, { at: place.at, playing: this.#media ? !this.#media.paused : false });
  }

  /** Anew each time that text was corrected; whether they are shown stays as it was. */
  async readCaptions() {
    if (!(this.#media instanceof HTMLVideoElement)) return;
    const media = this.#media;
    const reading = (this.#reading = this.#captionsOf(this.#part.id));
    const content = await reading.catch(() => null);
    if (media !== this.#media || reading !== this.#reading) return;
    const isShown = this.#captions?.track.track.mode ?? "disabled";
    this.#dropCaptions();
    if (!content) return;
    const url = URL.createObjectURL(content); // it is fetched with the token, so that its address carries no secret
    const track = h("track", { kind: "captions", label: "Captions", src: url });
    media.append(track);
    track.track.mode = isShown;
    this.#captions = { url, track };
  }

  dispose() {
    this.#close();
  }

  #use(media) {
    this.#media = media;
    media.addEventListener("seeking", () => this.#tell());
    media.addEventListener("timeupdate", () => media.paused || this.#tell()); // it comes once more as it pauses
    this.readCaptions();
  }

  #jump(at, playing) {
    const media = this.#media;
    if (media.readyState === 0) media.addEventListener("loadedmetadata", () => jump(media, at), { once: true });
    else if (!jump(media, at)) return media.pause();
    if (playing) media.play().catch(() => {});
  }

  #tell() {
    this.dispatchEvent(new Event("time"));
  }

  #close() {
    this.#loading = null;
    this.#dropCaptions();
    this.#media?.pause();
    this.#media = null;
    this.#part = null;
    fill(this.#place);
  }

  #dropCaptions() {
    if (!this.#captions) return;
    this.#captions.track.remove();
    URL.revokeObjectURL(this.#captions.url);
    this.#captions = null;
  }
}
