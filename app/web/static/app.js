// Start, addresses, the header, and what every screen shares.

import { backoffMs, Pause } from "./client/backoff.js";
import { ParleyClient, wakeWithDevice } from "./parley-client.js";
import { LiveFeed } from "./live.js";
import { notify } from "./notifications.js";
import { SessionStore } from "./session-store.js";
import { connectionBanner, lostWords } from "./ui/connection.js";
import { DebugLog } from "./ui/debug.js";
import { fill, h, icon, toast } from "./ui/dom.js";
import { notFound } from "./ui/not-found.js";
import { Unsent } from "./recording/unsent.js";
import { reminders } from "./ui/reminder.js";
import { unsentBanner } from "./ui/unsent.js";
import { words } from "./ui/words.js";

const ROUTES = [
  [/^\/$/, () => import("./screens/dashboard.js")],
  [/^\/account$/, () => import("./screens/account.js")],
  [/^\/webhooks$/, () => import("./screens/webhooks.js")],
  [/^\/webhooks\/([^/]+)$/, () => import("./screens/webhook.js")],
  [/^\/(sign-in|register)$/, () => import("./screens/sign-in.js")],
  [/^\/join(?:\/([^/]+))?$/, () => import("./screens/join.js")],
  [/^\/recordings$/, () => import("./screens/library.js")],
  [/^\/search$/, () => import("./screens/search.js")],
  [/^\/calls$/, () => import("./screens/calls.js")],
  [/^\/calls\/([^/]+)$/, () => import("./screens/call.js")],
  [/^\/shared$/, () => import("./screens/shared.js")],
  [/^\/meetings\/([^/]+)$/, () => import("./screens/meeting.js")],
  [/^\/meetings\/([^/]+)\/room$/, () => import("./screens/room.js")],
];

const OPEN = /^\/(sign-in|register|shared|join(\/.*)?)$/; // without a session too

// Links in mails: their secret stands behind the #, which no server and no log gets to see.
const MAILED = /^#\/(verify|reset)\?token=(.+)$/;
const FROM_PROVIDER = /^#\/oidc\?(.+)$/; // back from signing in elsewhere; likewise
const BEHIND_HASH = [
  [MAILED, () => import("./screens/mailed-link.js")],
  [FROM_PROVIDER, () => import("./screens/provider-return.js")],
];

// How Chromium, Firefox and Safari say that a module was not fetched; it is fetched anew at the next try.
const NOT_FETCHED = /dynamically imported module|importing a module script failed/i;

class App {
  #dispose = null;
  #visit = 0;
  #shown = null;

  constructor() {
    this.debug = new DebugLog(new URLSearchParams(location.search).has("debug"));
    this.store = new SessionStore();
    this.client = new ParleyClient({ store: this.store, onRequest: (request) => this.debug.add("request", request) });
    this.client.onSignedOut = () => this.#signedOut();
    this.unsent = new Unsent(this.client);
    this.live = new LiveFeed(this.client, (data) => this.debug.add("inbox", data));
    this.client.addEventListener("wake", ({ reason }) => this.debug.add("wake", { reason }));
    wakeWithDevice(this.client);
  }

  async start() {
    this.debug.mount(document.getElementById("debug"));
    this.#drawHeader();
    document.getElementById("top").after(connectionBanner(this.live.connection));
    document.getElementById("connection")?.after(reminders(this));
    document.getElementById("top").after(unsentBanner(this.unsent));
    document.addEventListener("click", (event) => this.#followLink(event));
    addEventListener("popstate", () => {
      const withinThePage = this.#shown === location.pathname && !BEHIND_HASH.some(([link]) => link.test(location.hash));
      if (!withinThePage) this.#show();
    });
    this.live.addEventListener("message", ({ detail }) => notify(this, detail));
    const copied = await this.store.yieldIfCopied();
    await this.#patiently(async () => {
      if (await this.client.resume()) this.signedIn();
    }).catch((error) => toast(words(error), { kind: "bad" })); // and signs in anew
    if (copied)
      toast("This was a copy of another window, which keeps your session. Sign in here to have one of its own.");
    await this.#show({ first: true });
  }

  /** Go to a screen. ?debug stays on through all of them. */
  navigate(address, { replace = false } = {}) {
    const url = new URL(address, location.origin);
    if (this.debug.enabled) url.searchParams.set("debug", "1");
    history[replace ? "replaceState" : "pushState"]({}, "", url);
    return this.#show();
  }

  title(text) {
    document.title = text ? `${text} · Parley` : "Parley";
  }

  /** To be called when the client has a session. */
  signedIn() {
    this.live.start();
    this.unsent.start();
    this.#drawHeader();
  }

  async signOut() {
    this.live.stop();
    this.unsent.stop();
    try {
      await this.client.logout();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    this.#drawHeader();
    this.navigate("/sign-in");
  }

  #signedOut() {
    this.live.stop();
    this.unsent.stop();
    this.#drawHeader();
    toast("Your session has ended. Sign in again.");
    this.navigate(signInAddress(), { replace: true });
  }

  async #show({ first = false } = {}) {
    const visit = ++this.#visit;
    const main = document.getElementById("main");
    const { pathname } = location;
    this.#shown = pathname;
    const [linked, open] = found(BEHIND_HASH, location.hash);
    if (linked) history.replaceState({}, "", location.pathname + location.search);
    const [match, load] = linked ? [linked, open] : found(ROUTES, pathname);
    if (!linked && match && !this.client.user && !OPEN.test(pathname)) {
      return this.navigate(signInAddress(), { replace: true });
    }
    this.#dispose?.();
    this.#dispose = null;
    document.body.className = "";
    const root = h("div", { class: "screen" });
    main.replaceChildren(root);
    if (!match) return notFound(this, root);
    const screen = await this.#patiently(load, () => visit === this.#visit);
    if (visit !== this.#visit) return;
    main.replaceChildren(root);
    const dispose = screen.show(this, root, ...match.slice(1));
    this.#dispose = dispose ?? null;
    this.debug.add("screen", { path: pathname });
    scrollTo(0, 0);
    if (!first) main.focus({ preventScroll: true });
  }

  #followLink(event) {
    const link = event.target.closest?.("a[href]");
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.defaultPrevented;
    if (!link || !plain || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!ROUTES.some(([pattern]) => pattern.test(link.pathname)) || link.hash) return;
    event.preventDefault();
    this.navigate(link.pathname + link.search);
  }

  #drawHeader() {
    const { user } = this.client;
    fill(
      document.getElementById("top"),
      h(
        "a",
        { class: "brand", href: "/" },
        h("img", { src: "/web/icon.svg", alt: "", width: 28, height: 28 }),
        "Parley",
      ),
      user
        ? h(
            "nav",
            { "aria-label": "Account" },
            h("a", { class: "button quiet folds", href: "/search" }, icon("search"), h("span", {}, "Search")),
            h("a", { class: "who", href: "/account", title: "Your account" }, user.display_name),
            h("button", { class: "quiet folds", onclick: () => this.signOut() }, icon("door"), h("span", {}, "Sign out")),
          )
        : null,
    );
  }

  /** Do what nothing can be shown without, as soon as the server answers; meanwhile say that it doesn't. */
  async #patiently(work, wanted = () => true) {
    const pause = new Pause();
    const wake = () => pause.cutShort();
    this.client.addEventListener("wake", wake);
    try {
      for (let failures = 0; wanted(); failures += 1) {
        try {
          return await work();
        } catch (error) {
          if (!error.passing && !NOT_FETCHED.test(error.message)) throw error;
          this.#unreachable(error);
          await pause.take(backoffMs(failures), { leastMs: error.retryAfterMs ?? 0 });
        }
      }
    } finally {
      this.client.removeEventListener("wake", wake);
    }
    return null;
  }

  #unreachable(error) {
    if (document.getElementById("unreachable")) return;
    document
      .getElementById("main")
      .replaceChildren(
        h(
          "div",
          { id: "unreachable", class: "screen narrow", role: "status" },
          h("h1", {}, "Parley can't be reached"),
          h("p", {}, lostWords(error)),
          h("p", { class: "hint" }, "This page goes on by itself when the server is back."),
        ),
      );
  }
}

function found(table, text) {
  return table.map(([pattern, module]) => [pattern.exec(text), module]).find(([match]) => match) ?? [];
}

function signInAddress() {
  const { pathname, search } = location;
  return pathname === "/" || pathname === "/sign-in" || pathname === "/register"
    ? "/sign-in"
    : `/sign-in?next=${encodeURIComponent(pathname + search)}`;
}

const app = new App();
app.start();
