// A chat on the page: its messages, and a place to write. What people wrote goes in as text nodes only.

import { confirmDialog } from "../ui/dialog.js";
import { h, icon, renderList, toast } from "../ui/dom.js";
import { bytes, day, dayAndTime, time, words } from "../ui/words.js";

const QUICK = [
  ["👍", "Thumbs up"],
  ["❤️", "Heart"],
  ["😂", "Laughing"],
  ["🎉", "Hooray"],
  ["😮", "Surprised"],
  ["🙏", "Thanks"],
];
const AT_THE_END_PX = 40;
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]; // none of them runs anything
const PREVIEW_BYTES = 2_000_000;

/**
 * @param {ChatHistory} history
 * @returns {{element: Element, draw: () => void, toTheEnd: () => void, focus: () => void}}
 */
export function chatView(history, { me, writable = true }) {
  let open = null; // id of the message whose actions are shown
  let editing = null; // id of the message that is being changed
  let atTheEnd = true;
  const pictures = new Map(); // where one is to be shown → its message
  const inSight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting && pictures.has(target)) showPicture(target);
  });
  const list = h("ol", { class: "chat-list" });
  const none = h("p", { class: "hint chat-none" }, "Nobody has written yet.");
  const older = h("button", { class: "quiet", type: "button", onclick: () => attempt(readOlder) }, "Show earlier ones");
  const log = h(
    "div",
    { class: "chat-log", role: "log", "aria-label": "Messages", tabindex: 0 },
    older,
    none,
    list,
  );
  const composer = composerOf(history);
  const element = h("div", { class: "chat" }, log, writable && composer.element);

  async function attempt(work) {
    try {
      await work();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  }

  async function readOlder() {
    const fromEnd = log.scrollHeight - log.scrollTop;
    await history.readOlder();
    log.scrollTop = log.scrollHeight - fromEnd; // what one was looking at stays where it was
  }

  function draw() {
    atTheEnd = log.scrollHeight - log.scrollTop - log.clientHeight < AT_THE_END_PX;
    older.hidden = !history.older;
    const messages = history.messages.map((one) => ({ ...one, open: one.id === open, editing: one.id === editing }));
    const pending = history.pending.map((one) => ({ id: one.id, error: one.error?.message ?? null, pending: () => one }));
    const items = [...withDays(messages), ...pending];
    none.hidden = items.length > 0 || !history.ready;
    renderList(list, items, build);
    if (atTheEnd) log.scrollTop = log.scrollHeight;
  }

  function build(item) {
    if (item.day) return h("li", { class: "chat-day" }, item.day);
    if (item.pending) return pendingOf(item.pending());
    if (item.type === "system") return h("li", { class: "chat-line" }, `${item.text} `, timeOf(item));
    return messageOf(item);
  }

  function messageOf(message) {
    const own = message.sender?.user_id === me.id;
    const gone = message.deleted_at !== null;
    return h(
      "li",
      { class: `chat-message ${own ? "is-own" : ""}`, "data-number": message.number },
      h(
        "p",
        { class: "chat-head" },
        h("span", { class: "name" }, own ? "You" : message.sender.display_name),
        timeOf(message),
        message.edited_at && !gone && h("span", { class: "hint" }, "edited"),
        !gone && writable && moreButton(message, own),
      ),
      message.editing && !gone ? editor(message) : (gone || message.text) && textOf(message, gone),
      message.file && fileOf(message),
      message.reactions.length > 0 && reactionsOf(message),
      message.open && !gone && actionsOf(message, own),
    );
  }

  function textOf(message, gone) {
    if (gone) return h("p", { class: "chat-text hint" }, "This message was deleted.");
    return h("p", { class: "chat-text", dir: "auto" }, message.text);
  }

  /** It is fetched with the token, so that its address carries no secret; of pictures those that come into sight. */
  function fileOf(message) {
    const { name, size, media_type: type } = message.file;
    const picture = PICTURES.includes(type) && size <= PREVIEW_BYTES && h("div", { class: "chat-picture" });
    if (picture) {
      pictures.set(picture, message);
      inSight.observe(picture);
    }
    const save = async () => {
      const address = URL.createObjectURL(await history.file(message));
      h("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    };
    return h(
      "div",
      { class: "chat-file" },
      picture,
      h(
        "button",
        { type: "button", "data-key": `file-${message.id}`, onclick: () => attempt(save) },
        icon("download"),
        h("span", { class: "grow" }, name),
        h("span", { class: "hint" }, bytes(size)),
      ),
    );
  }

  async function showPicture(place) {
    const message = pictures.get(place);
    pictures.delete(place);
    inSight.unobserve(place);
    try {
      const address = URL.createObjectURL(await history.file(message));
      const image = h("img", { src: address, alt: message.file.name });
      image.addEventListener("load", () => {
        URL.revokeObjectURL(address);
        if (atTheEnd) toTheEnd();
      });
      image.addEventListener("error", () => place.remove());
      place.append(image);
    } catch {
      place.remove(); // the button beside it still saves the file
    }
  }

  function moreButton(message, own) {
    const whose = own ? "your message" : `the message of ${message.sender.display_name}`;
    return h(
      "button",
      {
        type: "button",
        class: "icon-only quiet",
        "aria-label": `React to ${whose}${own ? ", change or delete it" : ""}`,
        "aria-expanded": String(message.open),
        "data-key": `more-${message.id}`,
        onclick: () => toggle(message),
      },
      icon("more"),
    );
  }

  function toggle(message) {
    open = open === message.id ? null : message.id;
    draw();
    if (open) list.querySelector(`[data-number="${message.number}"] .chat-actions button`)?.focus();
  }

  function close(message) {
    open = null;
    editing = null;
    draw();
    list.querySelector(`[data-key="more-${message.id}"]`)?.focus();
  }

  function actionsOf(message, own) {
    const reacted = (emoji) => () => {
      close(message);
      return attempt(() => history.react(message, emoji));
    };
    const remove = async () => {
      const text = "Nobody can read it any more.";
      if (!(await confirmDialog({ title: "Delete your message?", text, submit: "Delete", danger: true }))) return;
      await attempt(() => history.remove(message));
      open = null;
      draw();
    };
    const change = () => {
      editing = message.id;
      open = null;
      draw();
      list.querySelector(".chat-editor textarea")?.focus();
    };
    return h(
      "div",
      {
        class: "chat-actions",
        role: "group",
        "aria-label": "What to do with it",
        onkeydown: (event) => event.key === "Escape" && (event.stopPropagation(), close(message)),
      },
      QUICK.map(([emoji, name]) =>
        h("button", { type: "button", class: "icon-only quiet", "aria-label": name, onclick: reacted(emoji) }, emoji),
      ),
      own &&
        h("button", { type: "button", class: "icon-only quiet", "aria-label": "Change", onclick: change }, icon("edit")),
      own &&
        h("button", { type: "button", class: "icon-only quiet", "aria-label": "Delete", onclick: remove }, icon("trash")),
    );
  }

  function reactionsOf(message) {
    return h(
      "div",
      { class: "chat-reactions" },
      message.reactions.map(({ emoji, count, mine }) =>
        h(
          "button",
          {
            type: "button",
            class: `chat-reaction ${mine ? "is-on" : ""}`,
            disabled: !writable,
            "aria-pressed": String(mine),
            "aria-label": `${emoji} ${count}`,
            "data-key": `reaction-${message.id}-${emoji}`,
            onclick: () => attempt(() => history.react(message, emoji)),
          },
          emoji,
          h("span", {}, String(count)),
        ),
      ),
    );
  }

  function editor(message) {
    const input = h("textarea", { rows: 3, "aria-label": "Your message", value: message.text });
    const save = async (event) => {
      event.preventDefault();
      await attempt(async () => {
        await history.edit(message, input.value);
        close(message);
      });
    };
    return h(
      "form",
      { class: "chat-editor", onsubmit: save, onkeydown: (event) => keys(event, save, () => close(message)) },
      input,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", onclick: () => close(message) }, "Cancel"),
        h("button", { class: "primary" }, "Save"),
      ),
    );
  }

  function pendingOf(entry) {
    const progress = entry.file && h("progress", { max: 1, value: entry.share, "aria-label": "Sent of the file" });
    return h(
      "li",
      { class: "chat-message is-own is-pending", "data-pending": entry.id },
      h("p", { class: "chat-text", dir: "auto" }, entry.text ?? entry.file.name),
      !entry.error && progress,
      entry.error
        ? h(
            "div",
            { class: "buttons", role: "alert" },
            h("p", { class: "problem" }, words(entry.error)),
            h("button", { type: "button", onclick: () => history.sendAgain(entry) }, "Send again"),
            h("button", { type: "button", class: "quiet", onclick: () => history.discard(entry) }, "Discard"),
          )
        : h(
            "div",
            { class: "buttons" },
            h("p", { class: "hint" }, "Sending …"),
            entry.file &&
              h("button", { type: "button", class: "quiet", onclick: () => history.discard(entry) }, "Cancel"),
          ),
    );
  }

  history.addEventListener("progress", ({ detail }) => {
    const bar = list.querySelector(`[data-pending="${detail.id}"] progress`);
    if (bar) bar.value = detail.share;
  });

  const toTheEnd = () => {
    log.scrollTop = log.scrollHeight;
  };
  return { element, draw, toTheEnd, focus: () => (writable ? composer.focus() : log.focus()) };
}

function timeOf({ created_at: at }) {
  return h("time", { class: "hint", datetime: at, title: dayAndTime(at) }, time(at));
}

function* withDays(messages) {
  let last = null;
  for (const message of messages) {
    const date = day(message.created_at);
    if (date !== last) yield { id: `day-${date}`, day: date };
    last = date;
    yield message;
  }
}

/** Enter sends, with Shift it is a new line; not while a word is being put together. */
function keys(event, send, cancel = () => {}) {
  if (event.key === "Escape") {
    event.stopPropagation();
    cancel();
  }
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.tagName === "TEXTAREA") {
    event.preventDefault();
    send(event);
  }
}

function composerOf(history) {
  const input = h("textarea", { rows: 1, "aria-label": "Write a message", placeholder: "Write a message" });
  const button = h("button", { class: "primary icon-only", "aria-label": "Send" }, icon("send"));
  const send = (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    grow();
    history.send(text);
    input.focus();
  };
  const grow = () => {
    input.rows = Math.min(5, input.value.split("\n").length);
  };
  const file = h("input", { type: "file", hidden: true, multiple: true, tabindex: -1, "aria-label": "Files" });
  file.addEventListener("change", () => {
    for (const one of file.files) history.sendFile(one);
    file.value = "";
    input.focus();
  });
  const attach = h(
    "button",
    { type: "button", class: "quiet icon-only", "aria-label": "Attach a file", onclick: () => file.click() },
    icon("plus"),
  );
  const element = h(
    "form",
    { class: "chat-composer", onsubmit: send, onkeydown: (event) => keys(event, send), oninput: grow },
    attach,
    file,
    input,
    button,
  );
  return { element, focus: () => input.focus() };
}
