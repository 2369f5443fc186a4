// Back from a sign-in provider: signed in, or told why not; or about to connect it to the account that is signed in.

import { takeKept } from "../client/providers.js";
import { ParleyError } from "../parley-client.js";
import { fill, h } from "../ui/dom.js";
import { words } from "../ui/words.js";
import { connect, notConnected } from "./connect-provider.js";

export function show(app, root, told) {
  const answer = new URLSearchParams(told);
  const kept = takeKept();
  const trouble = answer.get("error") ?? (kept ? null : "sign_in_expired");
  const error = trouble && new ParleyError({ code: trouble });
  root.classList.add("narrow", "entrance");
  if (app.client.user && (kept?.connect || location.pathname === "/account")) {
    return error ? notConnected(app, root, error) : connect(app, root, kept, answer.get("code"));
  }
  app.title("Sign in");
  fill(root, h("h1", {}, "Signing you in …"));
  signIn(app, root, answer, kept, error);
}

async function signIn(app, root, answer, kept, error) {
  try {
    if (error) throw error;
    app.store.stay = Boolean(kept.stay);
    const body = { code: answer.get("code"), code_verifier: kept.verifier };
    await app.client.exchange(kept.provider, body);
    app.signedIn();
    await app.navigate(kept.next ?? "/", { replace: true });
  } catch (error) {
    const next = kept?.next ? `?next=${encodeURIComponent(kept.next)}` : "";
    fill(
      root,
      h("h1", {}, "You are not signed in"),
      h("p", { class: "problem", role: "alert" }, words(error)),
      h("p", {}, h("a", { class: "button", href: `/sign-in${next}` }, "Try again")),
    );
  }
}
