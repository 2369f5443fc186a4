// A transcript that follows what plays. A click on a line or a word jumps there; hosts correct what stands in it.

import { h, icon, renderList, toast } from "../ui/dom.js";
import { clock, words as wordsOf } from "../ui/words.js";

const FOLLOW_ABOVE = 0.3; // of the height: where the current line is brought
const SCROLLING_KEYS = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];

/**
 * @param {object} options onJump(seconds); correct({segments?, speakers?}) → Promise; rename(speaker): asks for a name
 * @returns {object} element, draw, follow, show, bringIntoSight, finish
 */
export function transcriptView({ onJump, correct, rename }) {
  let segments = [];
  let current = null; // id of the segment that is heard
  let following = true; // until somebody scrolls
  let correcting = false;
  let draft = null; // {id, before, text} of the segment whose text is being changed
  let latest = null; // what was drawn
  const list = h("ol", { class: "lines" });
  const pane = h("div", { class: "transcript", role: "region", "aria-label": "Transcript", tabindex: 0 }, list);
  const back = h(
    "button",
    { class: "back-to-now", hidden: true, onclick: () => (setFollowing(true), toCurrent()) },
    icon("clock"),
    "Follow along",
  );
  const element = h("div", { class: "transcript-box" }, pane, back);

  for (const type of ["wheel", "touchmove", "pointerdown"]) pane.addEventListener(type, letGo, { passive: true });
  pane.addEventListener("keydown", (event) => SCROLLING_KEYS.includes(event.key) && event.target === pane && letGo());
  list.addEventListener("click", (event) => {
    const at = event.target.closest("[data-at]")?.dataset.at;
    if (at === undefined || !getSelection().isCollapsed) return; // a selection is to be copied
    setFollowing(true);
    onJump(Number(at));
  });

  // Of hundreds of lines one is reached by Tab, the others by arrows.
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const times = [...list.querySelectorAll(".line-time")];
    const next = times[times.indexOf(event.target) + step];
    if (!step || !event.target.matches(".line-time") || !next) return;
    event.preventDefault();
    setFollowing(false);
    setStop(next);
    next.focus();
  });

  function setStop(button) {
    for (const one of list.querySelectorAll('.line-time[tabindex="0"]')) one.tabIndex = -1;
    if (button) button.tabIndex = 0;
  }

  function letGo(event) {
    if (event?.type === "pointerdown" && event.target !== pane) return; // on the scroll bar
    if (current) setFollowing(false);
  }

  function setFollowing(value) {
    following = value;
    back.hidden = value;
  }

  /** @param {{isCorrecting: boolean}} options whether its lines can be changed now */
  function draw(transcript, { isCorrecting = false } = {}) {
    latest = transcript;
    correcting = isCorrecting;
    if (!correcting) draft = null;
    segments = transcript?.segments ?? [];
    let before = null;
    const items = segments.map((segment) => {
      const isOther = segment.speaker.id !== before;
      before = segment.speaker.id;
      return { ...segment, isOther, correcting, editing: segment.id === draft?.id };
    });
    renderList(list, items, line);
    if (!list.querySelector('.line-time[tabindex="0"]')) setStop(list.querySelector(".line-time"));
    mark();
  }

  const redraw = () => draw(latest, { isCorrecting: correcting });

  function line(segment) {
    const { id, speaker, start_s: at } = segment;
    return h(
      "li",
      { id: `segment-${id}`, class: segment.isOther ? "line is-other" : "line", "data-segment": id },
      h(
        "button",
        {
          class: "quiet line-time",
          tabindex: -1,
          "data-at": at,
          "data-key": `at-${id}`,
          "aria-label": `${clock(at)}, ${speaker.label}: go there`,
        },
        clock(at),
      ),
      h(
        "div",
        { class: "grow" },
        segment.isOther && h("p", { class: "name" }, segment.correcting ? nameButton(speaker, id) : speaker.label),
        segment.editing ? editor(segment) : h("p", { class: "said", dir: "auto", "data-at": at }, spoken(segment)),
      ),
      segment.correcting && !segment.editing && editButton(segment),
    );
  }

  function nameButton(speaker, id) {
    const key = `name-${id}`;
    return h(
      "button",
      { class: "quiet flush", "data-key": key, onclick: () => rename(speaker) },
      speaker.label,
      icon("edit"),
    );
  }

  function editButton({ id, text, start_s: at }) {
    const begin = async () => {
      if (!(await finish())) return;
      draft = { id, before: text, text };
      redraw();
      list.querySelector("textarea")?.focus();
    };
    const label = `Correct the text at ${clock(at)}`;
    return h(
      "button",
      { class: "quiet icon-only", "aria-label": label, "data-key": `edit-${id}`, onclick: begin },
      icon("edit"),
    );
  }

  function editor({ start_s: at }) {
    const input = h("textarea", {
      rows: 3,
      "aria-label": `What is said at ${clock(at)}`,
      value: draft.text,
      maxlength: 10_000,
      oninput: () => (draft.text = input.value),
    });
    return h(
      "div",
      {
        class: "stack line-editor",
        onkeydown: (event) => event.key === "Escape" && (event.stopPropagation(), close()),
      },
      input,
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "primary", onclick: finish }, "Save"),
        h("button", { onclick: close }, "Cancel"),
        h("button", { class: "quiet", onclick: () => send(null) }, "As it was heard"),
      ),
    );
  }

  function close() {
    const { id } = draft;
    draft = null;
    redraw();
    list.querySelector(`[data-key="edit-${CSS.escape(id)}"]`)?.focus();
  }

  /** @returns {Promise<boolean>} else what was typed stays, also where somebody else has changed the line meanwhile */
  async function send(text) {
    try {
      await correct({ segments: [{ id: draft.id, text }] });
    } catch (error) {
      toast(wordsOf(error), { kind: "bad" });
      return false;
    }
    close();
    return true;
  }

  /** Save what is being typed, if something is. @returns {Promise<boolean>} whether nothing is left to be saved */
  async function finish() {
    const said = draft?.text.trim();
    if (said && said !== draft.before) return send(said);
    if (draft) close();
    return true;
  }

  /** What is heard at this second is marked, and brought into sight. */
  function follow(seconds) {
    const id = segments.findLast(({ start_s: at }) => at <= seconds + 0.05)?.id ?? null;
    const isOther = id !== current;
    current = id;
    if (isOther) mark();
    markWord(seconds);
    if (isOther && following) toCurrent();
  }

  function mark() {
    for (const old of list.querySelectorAll('[aria-current="true"]'))
      if (old.dataset.segment !== current) old.removeAttribute("aria-current");
    const at = lineOf(current);
    at?.setAttribute("aria-current", "true");
    if (at && !list.contains(document.activeElement)) setStop(at.querySelector(".line-time"));
  }

  function markWord(seconds) {
    const at = lineOf(current);
    for (const old of list.querySelectorAll(".is-now")) old.classList.remove("is-now");
    if (!at) return;
    const words = [...at.querySelectorAll("span[data-at]")];
    words.findLast((word) => Number(word.dataset.at) <= seconds + 0.05)?.classList.add("is-now");
  }

  function lineOf(id) {
    return id === null ? null : list.querySelector(`[data-segment="${CSS.escape(id)}"]`);
  }

  function toCurrent() {
    const at = lineOf(current);
    if (!at || pane.clientHeight === 0) return;
    const top = at.getBoundingClientRect().top - pane.getBoundingClientRect().top + pane.scrollTop;
    pane.scrollTo({ top: top - pane.clientHeight * FOLLOW_ABOVE, behavior: softly() });
  }

  /** The whole transcript, where it is out of sight. */
  function bringIntoSight() {
    const { top, bottom } = element.getBoundingClientRect();
    if (bottom < 0 || top > innerHeight) element.scrollIntoView({ block: "start", behavior: softly() });
  }

  /** As if it were heard now: what a link points at, also where nothing plays. */
  function show(seconds) {
    setFollowing(true);
    current = null;
    follow(seconds);
  }

  return { element, draw, follow, show, bringIntoSight, finish };
}

function softly() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

/** Word by word, where their times are known; a corrected line has none. */
function spoken({ text, words }) {
  const tokens = text.split(/\s+/).filter(Boolean);
  if (tokens.length !== words.length) return text;
  return tokens.map((token, place) => [h("span", { "data-at": words[place].start_s }, token), " "]);
}
