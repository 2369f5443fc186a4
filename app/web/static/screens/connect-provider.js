// Back from a provider whose account is to sign in to one's own: the password says that it is really oneself.

import { field, form } from "../ui/dialog.js";
import { fill, h, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

/** @param {{provider: string, verifier: string, connect: string}} kept `connect` is the provider's label */
export function connect(app, root, kept, code) {
  const { user } = app.client;
  const label = kept.connect;
  app.title(`Connect ${label}`);
  const send = async (data) => {
    const password = data?.get("password");
    const proof = { provider: kept.provider, code, code_verifier: kept.verifier };
    try {
      await app.client.post("/auth/me/identities", { ...proof, ...(password && { password }) }, { tries: 1 });
    } catch (error) {
      if (error.code === "bad_credentials") throw new Error(error.detail); // no e-mail was asked for
      throw error;
    }
    toast(`You can sign in with ${label} from now on.`, { kind: "good" });
    await app.navigate("/account", { replace: true });
  };
  const back = h("p", {}, h("a", { href: "/account" }, "Back to your account"));
  const password = field("Your password here", {
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  fill(
    root,
    h("h1", {}, `Connect ${label}`),
    h("p", {}, `Whoever signs in to that account at ${label} can then sign in as ${user.display_name}.`),
    form({ fields: user.has_password ? [password] : [], submit: `Connect ${label}`, send }),
    back,
  );
}

export function notConnected(app, root, error) {
  app.title("Not connected");
  fill(
    root,
    h("h1", {}, "Nothing was connected"),
    h("p", { class: "problem", role: "alert" }, words(error)),
    h("p", {}, h("a", { class: "button", href: "/account" }, "Back to your account")),
  );
}
