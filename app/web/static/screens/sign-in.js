// Sign in and register: one form, two addresses.

import { possible, wayTo } from "../client/providers.js";
import { checkbox, field, form, formDialog } from "../ui/dialog.js";
import { fill, h, toast } from "../ui/dom.js";

export function show(app, root, page) {
  const registering = page === "register";
  const parameters = new URLSearchParams(location.search);
  const next = parameters.get("next");
  const goOn = () => app.navigate(next?.startsWith("/") ? next : "/", { replace: true });
  if (app.client.user) {
    goOn();
    return;
  }
  app.title(registering ? "Create an account" : "Sign in");
  root.classList.add("narrow", "entrance");

  const fields = [
    registering && field("Your name", { name: "display_name", autocomplete: "name", required: true, maxlength: 100 }),
    field("E-mail", { name: "email", type: "email", autocomplete: "username", required: true }),
    field("Password", {
      name: "password",
      type: "password",
      autocomplete: registering ? "new-password" : "current-password",
      required: true,
      minlength: registering ? 10 : null,
      hint: registering ? "At least 10 characters." : null,
    }),
    checkbox("Keep me signed in on this device", { name: "stay" }),
  ];
  const send = async (data) => {
    app.store.stay = data.has("stay");
    const account = { email: data.get("email").trim(), password: data.get("password") };
    if (registering) {
      const locale = navigator.language;
      await app.client.register({ ...account, display_name: data.get("display_name").trim(), locale });
    } else {
      await app.client.login(account);
    }
    app.signedIn();
    await goOn();
  };
  const other = next ? `?next=${encodeURIComponent(next)}` : "";
  fill(
    root,
    h("h1", {}, registering ? "Create an account" : "Sign in"),
    next && h("p", { class: "hint" }, "Then you go on to the meeting."),
    form({ fields, submit: registering ? "Create account" : "Sign in", send }),
    providerButtons(app, next?.startsWith("/") ? next : null),
    registering
      ? h("p", {}, "You have an account? ", h("a", { href: `/sign-in${other}` }, "Sign in"))
      : [
          h("p", {}, "New here? ", h("a", { href: `/register${other}` }, "Create an account")),
          h("p", {}, h("button", { class: "quiet flush", onclick: () => forgotDialog(app) }, "Forgot your password?")),
          h("p", {}, "You have a meeting's code? ", h("a", { href: "/join" }, "Join as a guest")),
        ],
  );
}

/** A button for each provider that the server knows; they come a moment later, and where there is none, nothing. */
function providerButtons(app, next) {
  const place = h("div", { class: "providers" });
  const go = async ({ name }) => {
    const stay = document.querySelector("input[name=stay]")?.checked ?? false;
    location.assign(await wayTo(app.client.baseUrl, name, "/sign-in", { stay, next }));
  };
  const draw = ({ items }) => {
    const button = (one) => h("button", { type: "button", onclick: () => go(one) }, `Continue with ${one.label}`);
    fill(place, ...items.map(button));
  };
  if (possible()) app.client.get("/auth/oidc", { open: true }).then(draw, () => {}); // signing in by password goes on
  return place;
}

function forgotDialog(app) {
  formDialog({
    title: "Forgot your password?",
    submit: "Send a link",
    fields: [
      h("p", {}, "You get a mail with a link to choose a new one."),
      field("E-mail of your account", { name: "email", type: "email", autocomplete: "username", required: true }),
    ],
    send: (data) => {
      const body = { email: data.get("email").trim() };
      return app.client.post("/auth/password/forgot", body, { open: true, idempotencyKey: null });
    },
    done: () => toast("If there is such an account, a mail is on its way."),
  });
}
