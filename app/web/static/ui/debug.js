// ?debug=1: what the page asked, signalled and negotiated. It is handed nothing secret: no bodies, tokens, passwords,
// and of an SDP only its m-lines (call/describe.js), so that the file can be attached to a report as it is.

import { h, icon } from "./dom.js";

const MOST = 2000; // entries kept; an hour's call stays well below

export class DebugLog {
  #entries = [];
  #list = null;

  constructor(enabled) {
    this.enabled = enabled;
  }

  add(kind, data) {
    if (!this.enabled) return;
    const entry = { at: new Date().toISOString(), kind, ...data };
    this.#entries.push(entry);
    if (this.#entries.length > MOST) this.#entries.shift();
    this.#draw(entry);
  }

  mount(parent) {
    if (!this.enabled) return;
    this.#list = h("ol", { class: "debug-list", tabindex: 0, "aria-label": "Log entries" });
    parent.replaceChildren(
      h(
        "aside",
        { "aria-label": "For finding faults" },
        h(
          "details",
          { class: "debug" },
          h("summary", {}, "Debug log"),
          h("button", { class: "quiet", onclick: () => this.#download() }, icon("download"), "Download as JSON"),
          this.#list,
        ),
      ),
    );
    for (const entry of this.#entries) this.#draw(entry);
  }

  #draw({ at, kind, ...data }) {
    if (!this.#list) return;
    const text = Object.entries(data).map(
      ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    const atEnd = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 4;
    this.#list.append(h("li", {}, h("span", { class: "debug-kind" }, kind), ` ${at.slice(11, 23)} ${text.join(" ")}`));
    if (this.#list.children.length > MOST) this.#list.firstChild.remove();
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #download() {
    const file = new Blob([JSON.stringify({ browser: navigator.userAgent, entries: this.#entries }, null, 2)], {
      type: "application/json",
    });
    const link = h("a", { href: URL.createObjectURL(file), download: "parley-debug.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the download has begun by then
  }
}
