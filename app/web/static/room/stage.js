// The pictures: a tile for each person, and a large one for each shared screen.

import { fill, h, icon } from "../ui/dom.js";
import { initials } from "../ui/words.js";
import { tint } from "../screens/people.js";

const LEVEL_MS = 250;
const AUDIBLE = 0.02; // of 1; above the noise of a quiet room

/** Fires `change` when the browser refuses to play sound (`blocked`), and when it no longer does. */
export class Stage extends EventTarget {
  #media;
  #tiles = new Map(); // "<participant id>/<source>" → Tile
  #call = null;
  #timer;
  #sizes = new ResizeObserver(() => this.#tellHeights());

  constructor(media) {
    super();
    this.#media = media;
    this.blocked = false;
    this.grid = h("ul", { class: "tiles", "aria-label": "People in the call" });
    this.screens = h("ul", { class: "screens", "aria-label": "Shared screens" });
    this.alone = h("p", { class: "alone" }, "Nobody else is here yet.");
    this.element = h("div", { class: "stage" }, this.screens, this.grid, this.alone);
    this.#timer = setInterval(() => this.#drawLevels(), LEVEL_MS);
    media.addEventListener("speaker", () => this.#setSpeakers());
  }

  close() {
    clearInterval(this.#timer);
    this.#sizes.disconnect();
    for (const tile of this.#tiles.values()) tile.close();
    this.#tiles.clear();
  }

  draw(call) {
    this.#call = call;
    const shown = new Set();
    const people = [...call.people.values()].filter((one) => one.state !== "waiting");
    const others = people.filter((one) => one.id !== call.self.id);
    for (const person of others) {
      const view = call.view(person.id);
      this.#show(shown, person, "camera", { ...view, picture: view.camera, here: person });
      if (view.screen)
        this.#show(shown, person, "screen", { ...view, audio: null, picture: view.screen, here: person });
    }
    if (call.state === "live") {
      const { camera, screen } = this.#media;
      const own = {
        audio: null,
        state: "self",
        here: { ...call.self, muted: this.#media.muted || !this.#media.microphone },
      };
      this.#show(shown, call.self, "camera", { ...own, picture: camera });
      if (screen) this.#show(shown, call.self, "screen", { ...own, picture: screen });
    }
    for (const [key, tile] of this.#tiles) {
      if (shown.has(key)) continue;
      this.#sizes.unobserve(tile.element);
      tile.close();
      this.#tiles.delete(key);
    }
    this.#layOut();
    this.screens.hidden = this.screens.children.length === 0;
    this.element.classList.toggle("has-screen", !this.screens.hidden);
    this.alone.hidden = others.length > 0 || call.state !== "live";
    this.#tellHeights();
  }

  /** What is small here, or not to be seen, need not come in full. */
  #tellHeights() {
    const shown = [...this.#tiles.values()].map((tile) => ({
      participantId: tile.participantId,
      source: tile.source,
      height: Math.round(tile.element.clientHeight * devicePixelRatio),
    }));
    this.#call?.show(shown);
  }

  /** After a click the browser lets sound play. */
  unblock() {
    this.blocked = false;
    for (const tile of this.#tiles.values()) tile.play();
    this.dispatchEvent(new Event("change"));
  }

  /** As square as can be; each tile takes two columns of the grid, so that a last row with fewer can stand in the middle. */
  #layOut() {
    const tiles = [...this.grid.children];
    const across = Math.ceil(Math.sqrt(tiles.length));
    const inLastRow = tiles.length % across || across;
    this.grid.dataset.count = tiles.length;
    this.grid.style.setProperty("--columns", 2 * across);
    tiles.forEach((tile, at) => {
      tile.style.gridColumnStart = at === tiles.length - inLastRow ? across - inLastRow + 1 : "";
    });
  }

  #show(shown, person, source, view) {
    const key = `${person.id}/${source}`;
    shown.add(key);
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = new Tile(person, source, () => this.#onBlocked());
      this.#tiles.set(key, tile);
      tile.setSpeaker(this.#media.choices.speaker);
      (source === "screen" ? this.screens : this.grid).append(tile.element);
      this.#sizes.observe(tile.element);
    }
    tile.draw(view);
  }

  #onBlocked() {
    if (this.blocked) return;
    this.blocked = true;
    this.dispatchEvent(new Event("change"));
  }

  #setSpeakers() {
    for (const tile of this.#tiles.values()) tile.setSpeaker(this.#media.choices.speaker);
  }

  #drawLevels() {
    for (const { id } of this.#call?.others ?? []) {
      const tile = this.#tiles.get(`${id}/camera`);
      tile?.element.classList.toggle("is-speaking", this.#call.level(id) > AUDIBLE);
    }
  }
}

const STATES = { connecting: "Connecting …", reconnecting: "Reconnecting …", mock: "Mock" };

class Tile {
  constructor(person, source, onBlocked) {
    this.participantId = person.id;
    this.source = source;
    this.onBlocked = onBlocked;
    this.video = h("video", { autoplay: true, playsinline: true, "aria-hidden": "true" });
    this.video.muted = true; // sound has an element of its own, that plays on while there is no picture
    this.audio = h("audio", { autoplay: true });
    this.caption = h("p", { class: "tile-name" });
    this.face = h(
      "span",
      { class: `avatar tint-${tint(person.display_name)}`, "aria-hidden": "true" },
      initials(person.display_name),
    );
    this.element = h(
      "li",
      { class: "tile", "data-participant": person.id, "data-source": source },
      this.video,
      this.audio,
      this.face,
      this.caption,
    );
  }

  draw({ audio, picture, state, here }) {
    const hasPicture = Boolean(picture) && (this.source === "screen" || here.camera !== false || state === "self");
    this.#attach(this.video, hasPicture ? picture : null);
    this.#attach(this.audio, audio);
    this.face.hidden = hasPicture;
    this.video.hidden = !hasPicture;
    this.element.dataset.state = state;
    this.element.classList.toggle("is-self", state === "self");
    const said = here.state === "reconnecting" ? STATES.reconnecting : STATES[state];
    const name = this.#name(here, state === "self");
    const print = `${name}|${here.muted}|${here.hand}|${said}`;
    if (this.print === print) return;
    this.print = print;
    fill(
      this.caption,
      this.source === "camera" &&
        here.muted &&
        h("span", { class: "muted-mark" }, icon("mic-off"), h("span", { class: "visually-hidden" }, "Muted: ")),
      this.source === "camera" &&
        here.hand &&
        h("span", { class: "hand-mark" }, icon("hand"), h("span", { class: "visually-hidden" }, "Raises a hand: ")),
      h("span", { class: "grow" }, name),
      said && h("span", { class: "tile-state" }, said),
    );
  }

  setSpeaker(deviceId) {
    if (deviceId) this.audio.setSinkId?.(deviceId).catch(() => {}); // unplugged: the default plays
  }

  play() {
    this.#play(this.audio);
  }

  close() {
    this.video.srcObject = this.audio.srcObject = null;
    this.element.remove();
  }

  #name(person, own) {
    const name = own ? `${person.display_name} (you)` : person.display_name;
    return this.source === "screen" ? `${name}: screen` : name;
  }

  #attach(element, track) {
    if ((element.srcObject?.getTracks()[0] ?? null) === track) return;
    element.srcObject = track ? new MediaStream([track]) : null;
    if (track) this.#play(element);
  }

  #play(element) {
    if (!element.srcObject) return;
    element.play().catch((error) => error.name === "NotAllowedError" && this.onBlocked());
  }
}
