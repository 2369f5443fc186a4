// That the server is away, said calmly: not before it has been away for a moment, and gone when it is back.

import { fill, h, icon } from "./dom.js";

const MOMENT_MS = 1500; // a poll that a proxy cuts, or a server that restarts swiftly, is nobody's business

/** Fires `change` when `lost` does: since a moment ago, nothing that we asked was answered. */
export class Connection extends EventTarget {
  #timer = null;
  lost = false;
  trouble = null; // the newest error

  heard(online, error = null) {
    this.trouble = error;
    if (online) {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.#set(false);
    } else if (!this.lost) {
      this.#timer ??= setTimeout(() => this.#set(true), MOMENT_MS);
    }
  }

  #set(lost) {
    if (lost === this.lost) return;
    this.lost = lost;
    this.dispatchEvent(new Event("change"));
  }
}

export function lostWords(trouble) {
  if (trouble?.code === "unexpected_answer") {
    return "Something else answers in the server's place. Does this network want you to sign in? Trying again …";
  }
  if (trouble?.status) return "The server is busy or being restarted. Trying again …";
  return "Connection lost – trying again …";
}

/** For every screen but the room, which has a place of its own for what one must know. */
export function connectionBanner(connection) {
  const element = h("div", { id: "connection", role: "status" });
  const draw = () => {
    const text = connection.lost && lostWords(connection.trouble);
    fill(element, text && h("div", { class: "banner wait", "data-banner": "offline" }, icon("warning"), h("p", {}, text)));
  };
  connection.addEventListener("change", draw);
  return element;
}
