// Links by which a recording is watched without an account: making them, and taking them back.

import { field, form, openDialog, select } from "../ui/dialog.js";
import { fill, h, renderList, toast } from "../ui/dom.js";
import { dayAndTime, words } from "../ui/words.js";

const DAY_S = 86_400;
const LIVES = [
  [String(DAY_S), "One day"],
  [String(7 * DAY_S), "One week"],
  [String(30 * DAY_S), "30 days"],
];

export function sharesDialog({ client }, recording) {
  const path = `/recordings/${recording.id}/shares`;
  const made = h("div", { class: "stack" });
  const list = h("ul", { class: "plain" });
  const listed = h("section", { "aria-labelledby": "links", hidden: true }, h("h3", { id: "links" }, "Links that open it"), list);

  async function read() {
    try {
      const items = await client.all(path);
      listed.hidden = items.length === 0;
      renderList(list, items, item);
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  }

  function item(share) {
    const until = `Until ${dayAndTime(share.expires_at)}`;
    const takeBack = async () => {
      try {
        await client.delete(`${path}/${share.id}`);
        fill(made);
        toast("The link opens nothing any more.", { kind: "good" });
      } catch (error) {
        toast(words(error), { kind: "bad" });
      }
      await read();
    };
    return h(
      "li",
      { class: "track card-line" },
      h("p", { class: "grow" }, until, share.has_passcode && " · with a passcode"),
      h("button", { class: "quiet", "aria-label": `Take back the link: ${until}`, onclick: takeBack }, "Take back"),
    );
  }

  async function send(data) {
    const body = { expires_in: Number(data.get("expires_in")), passcode: data.get("passcode") || null };
    const { url } = await client.post(path, body, { idempotencyKey: null });
    const address = field("The link; it is shown only now", { value: url, readonly: true });
    const input = address.querySelector("input");
    fill(made, address, h("div", { class: "buttons" }, h("button", { onclick: () => copy(input) }, "Copy the link")));
    await read();
    input.focus();
    input.select();
  }

  const fields = [
    h("p", {}, "Whoever has the link watches the recording, without an account, until it expires or you take it back."),
    select("Expires after", { name: "expires_in", options: LIVES, value: LIVES[1][0] }),
    field("Passcode (optional)", {
      name: "passcode",
      minlength: 6,
      maxlength: 100,
      autocomplete: "off",
      hint: "At least 6 characters. Tell it another way than the link.",
    }),
  ];
  openDialog(`Share “${recording.title}”`, (close) => [form({ fields, submit: "Make a link", send, cancel: close }), made, listed]);
  read();
}

async function copy(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    toast("Link copied.", { kind: "good" });
  } catch {
    toast("Copy it by hand: it is selected."); // no clipboard without HTTPS
  }
}
