// Back from a sign-in provider: signed in, or told why not.

import { takeKept } from "../client/providers.js";
import { ParleyError } from "../parley-client.js";
import { fill, h } from "../ui/dom.js";
import { words } from "../ui/words.js";

export function show(app, root, told) {
  app.title("Sign in");
  root.classList.add("narrow", "entrance");
  fill(root, h("h1", {}, "Signing you in …"));
  signIn(app, root, told);
}

async function signIn(app, root, told) {
  const answer = new URLSearchParams(told);
  const kept = takeKept();
  try {
    if (answer.has("error")) throw new ParleyError({ code: answer.get("error") });
    if (!kept) throw new ParleyError({ code: "sign_in_expired" });
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
