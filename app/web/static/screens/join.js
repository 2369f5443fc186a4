// Behind a meeting's link: what it opens, a name, and then the room. Whoever is signed in comes as themselves; others come
// as guests, with a session of their own beside any that this browser has.

import { LiveFeed } from "../live.js";
import { ParleyClient, wakeWithDevice } from "../parley-client.js";
import { SessionStore } from "../session-store.js";
import { Unsent } from "../recording/unsent.js";
import { field, form } from "../ui/dialog.js";
import { fill, h, icon } from "../ui/dom.js";
import { when, words } from "../ui/words.js";
import { unsentBanner } from "../ui/unsent.js";
import { show as showRoom } from "./room.js";

const STATES = { ended: "The meeting has ended.", cancelled: "The meeting is cancelled." };

export function show(app, root, code) {
  const visit = new AbortController();
  run(app, root, code ? decodeURIComponent(code) : null, visit.signal).catch((error) => {
    if (!visit.signal.aborted) refuse(app, root, error);
  });
  return () => visit.abort();
}

async function run(app, root, code, left) {
  root.classList.add("narrow", "entrance");
  app.title("Join a meeting");
  if (!code) return askForCode(app, root);
  const guest = new Guest(app, root, code, left);
  if (await guest.resume()) return guest.enter();
  const { user } = app.client;
  const opens = await app.client.post("/meetings/look-up-code", { code }, { open: !user, idempotencyKey: null });
  if (left.aborted) return;
  app.title(opens.title);
  const about = [
    h("h1", {}, opens.title),
    h("p", { class: "when" }, icon("clock"), opens.state === "live" ? "Happening now" : when(opens), ` · hosted by ${opens.host}`),
  ];
  if (STATES[opens.state]) return fill(root, about, h("p", { class: "problem", role: "alert" }, STATES[opens.state]));
  if (user) {
    const send = async () => {
      const { meeting } = await app.client.post("/meetings/join-by-code", { code }, { idempotencyKey: null });
      await app.navigate(`/meetings/${meeting.id}/room`, { replace: true });
    };
    return fill(root, about, form({ fields: [], submit: `Join as ${user.display_name}`, send }));
  }
  const name = field("Your name", {
    name: "display_name",
    autocomplete: "name",
    required: true,
    maxlength: 100,
    hint: "The others see it, and that you are a guest.",
  });
  const send = async (data) => {
    await guest.come(data.get("display_name").trim());
    if (!left.aborted) guest.enter();
  };
  fill(
    root,
    about,
    form({ fields: [name], submit: "Go on as a guest", send }),
    h("p", {}, "You have an account? ", h("a", { href: signIn() }, "Sign in")),
  );
}

/** Somebody without an account; to the room's screen it is the app. */
class Guest {
  #app;
  #root;
  #left;
  #key;

  constructor(app, root, code, left) {
    this.#app = app;
    this.#root = root;
    this.#left = left;
    this.#key = `parley.meeting.${code}`;
    this.code = code;
    this.debug = app.debug;
    this.store = new SessionStore(code);
    this.client = new ParleyClient({ store: this.store, onRequest: (request) => app.debug.add("request", request) });
    this.live = new GuestFeed(this.client, (data) => app.debug.add("inbox", data));
    this.unsent = new Unsent(this.client);
    this.guest = { again: () => app.navigate(location.pathname, { replace: true }) };
    left.addEventListener("abort", wakeWithDevice(this.client));
  }

  /** Go on with the session that this window has, as after a reload. */
  async resume() {
    if (!sessionStorage.getItem(this.#key)) return false;
    await this.store.yieldIfCopied();
    return Boolean(await this.client.resume());
  }

  async come(displayName) {
    const meeting = await this.client.joinByCode({ code: this.code, display_name: displayName });
    sessionStorage.setItem(this.#key, meeting.id);
  }

  enter() {
    const banner = unsentBanner(this.unsent);
    document.getElementById("top").after(banner);
    this.#left.addEventListener("abort", () => {
      this.unsent.stop();
      banner.remove();
    });
    const dispose = showRoom(this, this.#root, sessionStorage.getItem(this.#key));
    this.#left.addEventListener("abort", dispose);
  }

  title(text) {
    this.#app.title(text);
  }

  navigate(...args) {
    return this.#app.navigate(...args);
  }
}

/** All that a guest hears of comes through the inbox of their stay. */
class GuestFeed extends LiveFeed {
  async start() {}
}

function askForCode(app, root) {
  const code = field("Code or link", { name: "code", required: true, autocomplete: "off", hint: "Such as k7m-q2xw-8fd." });
  const send = (data) => {
    const typed = data.get("code").trim();
    return app.navigate(`/join/${encodeURIComponent(typed.slice(typed.lastIndexOf("/") + 1))}`);
  };
  fill(root, h("h1", {}, "Join a meeting"), form({ fields: [code], submit: "Go on", send }));
}

function refuse(app, root, error) {
  const unknown = error.code === "code_unknown";
  fill(
    root,
    h("h1", {}, unknown ? "This link opens no meeting" : "You can't join now"),
    h("p", { class: "problem", role: "alert" }, words(error)),
    h(
      "div",
      { class: "buttons" },
      !unknown && h("button", { class: "primary", onclick: () => app.navigate(location.pathname, { replace: true }) }, "Try again"),
      !app.client.user && h("a", { class: "button", href: signIn() }, "Sign in"),
      h("a", { class: "button", href: "/join" }, "Enter a code"),
    ),
  );
}

function signIn() {
  return `/sign-in?next=${encodeURIComponent(location.pathname)}`;
}
