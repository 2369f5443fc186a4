// A webhook's secret: shown once, to be copied.

import { field, openDialog } from "../ui/dialog.js";
import { h, toast } from "../ui/dom.js";

export function secretDialog(title, { secret, previous_secret_until: rotated }) {
  const shown = field("Its secret; it is shown only now", { value: secret, readonly: true, autocomplete: "off" });
  const input = shown.querySelector("input");
  openDialog(title, (close) =>
    h(
      "div",
      { class: "stack" },
      h("p", {}, "Whoever receives what Parley sends verifies with it that it came from here. Keep it where they keep their secrets."),
      shown,
      rotated && h("p", { class: "hint" }, "For a day the secret before signs too, so that they can change over."),
      h(
        "div",
        { class: "buttons" },
        h("button", { onclick: close }, "Done"),
        h("button", { class: "primary", onclick: () => copy(input) }, "Copy the secret"),
      ),
    ),
  );
  input.select();
}

async function copy(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    toast("Secret copied.", { kind: "good" });
  } catch {
    toast("Copy it by hand: it is selected."); // no clipboard without HTTPS
  }
}
