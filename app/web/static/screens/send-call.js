// Sending a call: its file in parts, which may be gone on with, and what is said of it.

import { Uploads } from "../client/uploads.js";
import { field, formDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { bytes, fromLocalInput, words } from "../ui/words.js";

const PURPOSE = "call_audio";
const TOLD = ["title", "account", "deal", "agent", "customer", "language"];
const UNNAMED = "Channel 1"; // of a call of which only the right channel has a name

/** @param {() => void} changed called when there is one more, or an upload that was broken off */
export function sendCallDialog(app, changed) {
  const giveUp = new AbortController();
  const bar = h("progress", { class: "wide", max: 1, value: 0, "aria-label": "Sent" });
  const told = h("p", { class: "hint", role: "status" });
  const progress = h("div", { hidden: true }, told, bar);
  const file = field("File", {
    name: "file",
    type: "file",
    accept: "audio/*,video/*",
    required: true,
    hint: "Sound or film, in any format. Chosen again after a break, it goes on where it was.",
  });
  const text = (label, name, more = {}) => field(label, { name, maxlength: 200, autocomplete: "off", ...more });

  function onProgress({ sent, size, state }) {
    progress.hidden = false;
    bar.value = size ? sent / size : 1;
    const done =
      state === "verifying" ? "It is there, and is being checked." : `${bytes(sent)} of ${bytes(size)} sent.`;
    if (told.textContent !== done) told.textContent = done;
  }

  const { element } = formDialog({
    title: "Send a call",
    submit: "Send",
    fields: [
      file,
      text("Title", "title", { placeholder: "Else the file's name" }),
      h(
        "div",
        { class: "side-by-side" },
        text("Account", "account"),
        text("Deal", "deal"),
        text("Agent", "agent", { maxlength: 100 }),
        text("Customer", "customer", { maxlength: 100 }),
        text("On the left channel", "left", { maxlength: 100 }),
        text("On the right channel", "right", { maxlength: 100 }),
        text("Language", "language", { maxlength: 35, placeholder: "en", spellcheck: "false" }),
        field("When it was", { name: "held_at", type: "datetime-local" }),
      ),
      progress,
    ],
    send: async (data) => {
      if (data.get("file").size === 0) throw new Error("The file is empty.");
      const upload = await new Uploads(app.client).send(data.get("file"), {
        purpose: PURPOSE,
        onProgress,
        signal: giveUp.signal,
      });
      return receive(app.client, upload, bodyOf(data));
    },
    done: ({ id, isNew }) => {
      if (!isNew) toast("You have sent this file before: here it is.");
      app.navigate(`/calls/${id}`);
    },
  });
  element.addEventListener("close", () => {
    giveUp.abort();
    changed();
  });
}

function bodyOf(data) {
  const said = (name) => data.get(name).trim() || null;
  const [left, right] = [said("left"), said("right")];
  return {
    ...Object.fromEntries(TOLD.map((name) => [name, said(name)])),
    channel_names: right ? [left ?? UNNAMED, right] : [left].filter(Boolean),
    held_at: fromLocalInput(data.get("held_at")),
  };
}

async function receive(client, upload, told) {
  try {
    const call = await client.post("/calls", { upload_id: upload.id, ...told });
    return { id: call.id, isNew: true };
  } catch (error) {
    if (error.code !== "call_exists") throw error;
    await client.delete(`/uploads/${upload.id}`).catch(() => {}); // nobody takes it; it would go by itself, later
    return { id: error.problem.call_id, isNew: false };
  }
}

/** Uploads of calls that were broken off, also on another day. */
export function unfinishedCalls({ client }, changed) {
  const element = h("div", { class: "stack unfinished" });

  async function read() {
    const uploads = await new Uploads(client).unfinished(PURPOSE);
    element.hidden = uploads.length === 0;
    fill(element, uploads.map(notice));
  }

  function notice({ id, name, size }) {
    const forget = async () => {
      try {
        await client.delete(`/uploads/${id}`);
      } catch (error) {
        toast(words(error), { kind: "bad" });
      }
      changed();
    };
    return h(
      "div",
      { class: "notice" },
      icon("warning"),
      h(
        "p",
        { class: "grow" },
        `“${name}” (${bytes(size)}) was not sent to its end. Send it again: it goes on where it was.`,
      ),
      h("button", { class: "quiet", "data-key": `forget-${id}`, onclick: forget }, "Forget it"),
    );
  }

  return { element, read };
}
