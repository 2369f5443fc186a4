// What a link in a mail leads to: an address confirmed, or a new password.

import { field, form } from "../ui/dialog.js";
import { fill, h, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

export function show(app, root, purpose, token) {
  root.classList.add("narrow", "entrance");
  if (purpose === "verify") confirmAddress(app, root, decodeURIComponent(token));
  else choosePassword(app, root, decodeURIComponent(token));
}

async function confirmAddress(app, root, token) {
  app.title("Confirm your address");
  const heading = h("h1", {}, "Confirming your address …");
  fill(root, heading);
  try {
    const user = await app.client.post("/auth/verify", { token }, { open: true, idempotencyKey: null });
    if (app.client.user?.id === user.id) app.client.user = user;
    heading.textContent = "Your e-mail address is confirmed";
    fill(root, heading, h("p", {}, "Invitations that were sent to it are waiting for you."), onward());
  } catch (error) {
    heading.textContent = "The address is not confirmed";
    fill(root, heading, h("p", { class: "problem", role: "alert" }, words(error)), onward());
  }
}

function choosePassword(app, root, token) {
  app.title("Choose a new password");
  const password = field("New password", {
    name: "new_password",
    type: "password",
    autocomplete: "new-password",
    required: true,
    minlength: 10,
    hint: "At least 10 characters.",
  });
  const send = async (data) => {
    const body = { token, new_password: data.get("new_password") };
    await app.client.post("/auth/password/reset", body, { open: true, idempotencyKey: null });
    toast("The new password is set. Sign in with it.", { kind: "good" });
    await app.navigate("/sign-in", { replace: true });
  };
  fill(root, h("h1", {}, "Choose a new password"), form({ fields: [password], submit: "Set the password", send }));
}

function onward() {
  return h("p", {}, h("a", { class: "button", href: "/" }, "To your meetings"));
}
