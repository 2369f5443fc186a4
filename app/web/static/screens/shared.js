// A recording that somebody shared by a link: played without an account. The link's secret stands behind the #.

import { playIn } from "../review/playing.js";
import { field, form } from "../ui/dialog.js";
import { fill, h, icon } from "../ui/dom.js";
import { clock, dayAndTime, words } from "../ui/words.js";

export function show(app, root) {
  app.title("Shared recording");
  root.classList.add("shared");
  const open = () => run(app, root, location.hash.slice(1));
  addEventListener("hashchange", open);
  open();
  return () => removeEventListener("hashchange", open);
}

async function run(app, root, secret) {
  let passcode = null;
  const lookUp = () =>
    app.client.post("/recordings/look-up-share", { secret, passcode }, { open: true, idempotencyKey: null });
  if (!secret) return refuse(root, "The link is cut off: what stands behind the # is missing.");
  try {
    draw(app, root, await lookUp(), lookUp);
  } catch (error) {
    if (error.code !== "passcode_needed") return refuse(root, words(error));
    askForPasscode(root, async (given) => {
      passcode = given;
      draw(app, root, await lookUp(), lookUp);
    });
  }
}

function refuse(root, text) {
  root.classList.add("narrow");
  fill(root, h("h1", {}, "This recording can't be shown"), h("p", { class: "problem", role: "alert" }, text));
}

function askForPasscode(root, send) {
  root.classList.add("narrow", "entrance");
  const passcode = field("Passcode", {
    name: "passcode",
    type: "password",
    required: true,
    maxlength: 100,
    autocomplete: "off",
    autofocus: true,
    hint: "Whoever sent you the link knows it.",
  });
  fill(
    root,
    h("h1", {}, "A recording for you"),
    form({ fields: [passcode], submit: "Watch", send: (data) => send(data.get("passcode")) }),
  );
  passcode.querySelector("input").focus();
}

function draw(app, root, shared, lookUp) {
  root.classList.remove("narrow", "entrance");
  app.title(shared.title);
  const place = h("div", { class: "player" });
  const facts = [shared.started_at && dayAndTime(shared.started_at), shared.duration_s && clock(shared.duration_s)];
  fill(
    root,
    h("h1", {}, shared.title),
    h("p", { class: "hint" }, [...facts, `the link opens it until ${dayAndTime(shared.expires_at)}`].filter(Boolean).join(" · ")),
    shared.is_mock && h("p", { class: "badge mock" }, icon("flask"), "Mock file"),
    place,
  );
  playIn(place, shared, lookUp);
}
