// Building the page. Text goes in as text nodes only, never as HTML: what people write is data.

/**
 * h("button", {class: "primary", onclick: go, "aria-label": "Go"}, "Go", icon("go"))
 * Properties that are functions become listeners; null, undefined and false are left out; true is an empty attribute.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (name === "value" || name === "checked" || name === "srcObject") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** A shape or a drawing of them; the properties are attributes. */
export function svg(tag, properties, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Put `children` in place of what `parent` has. */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

function present(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

const SHAPES = {
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  "mic-off":
    "M9 5.5A3 3 0 0 1 15 6v5M9 9v2a3 3 0 0 0 4.5 2.6M6 11a6 6 0 0 0 9.5 4.9M18 11a6 6 0 0 1-.6 2.6M12 17v4M4 4l16 16",
  camera: "M3 7h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3zM15 11l6-3.5v9L15 13",
  "camera-off": "M8 7h6a1 1 0 0 1 1 1v5M15 11l6-3.5v9L17 14M14 17H3V7h1M3 3l18 18",
  screen: "M3 5h18v11H3zM8 20h8M12 12.5V8M9.5 10 12 7.5l2.5 2.5",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.2M18 14.5a6.5 6.5 0 0 1 3.5 5.5",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M14 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0M6 17a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
  leave: "M3 15.5v-2.2C5.5 11 8.600 10 12 10s6.500 1 9 3.300v2.200l-4.500.8-.8-3a13 13 0 0 0-7.400 0l-.8 3z",
  record: "M12 5a7 7 0 1 0 0 14 7 7 0 1 0 0-14zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 1 0 0-5z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  send: "M4 12 20 4l-5 16-4-7zM11 13l9-9",
  hand: "M8 12.500V6a1.500 1.500 0 0 1 3 0v5M11 11V4.500a1.500 1.500 0 0 1 3 0V11M14 11V6a1.500 1.500 0 0 1 3 0v8a6 6 0 0 1-6 6c-3 0-4.500-1.500-6-4l-1.600-3a1.500 1.500 0 0 1 2.600-1.500L8 14",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.300 1.300M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.300-1.300",
  plus: "M12 5v14M5 12h14",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.500l4.500 4.500L19 7.500",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 1 0 0-16zM12 8v4.500l3 2",
  door: "M14 4h5v16h-5M4 12h10M10.500 8.500 14 12l-3.500 3.500",
  play: "M8 5.500v13l10.500-6.500z",
  download: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  note: "M6 3h9l4 4v14H6zM9 11h7M9 15h7M9 7h3",
  back: "M15 5l-7 7 7 7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  flask: "M9 3h6M10 3v6l-5.500 9.500A1.700 1.700 0 0 0 6 21h12a1.700 1.700 0 0 0 1.500-2.500L14 9V3M7.500 15h9",
  phone: "M6 4h4l1.500 4.500-2.500 1.500a10 10 0 0 0 5 5l1.500-2.500L20 14v4a2 2 0 0 1-2 2A14 14 0 0 1 4 6a2 2 0 0 1 2-2z",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 1 0 0-12zM15.500 15.500 20 20",
  warning: "M12 4 2.500 20h19zM12 10v4.500M12 17.200h.01",
};

/** A line drawing beside words; it says nothing by itself. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: SHAPES[name] }));
}

/**
 * Show a list and keep the nodes of items that have not changed, so that neither focus nor a playing video is lost.
 * @param {Element} parent
 * @param {object[]} items each with an id
 * @param {(item: object) => Element} build
 */
export function renderList(parent, items, build) {
  const known = parent.renderedItems ?? new Map();
  const now = new Map();
  const nodes = items.map((item) => {
    const print = JSON.stringify(item);
    const before = known.get(item.id);
    const entry = before?.print === print ? before : { print, node: build(item) };
    now.set(item.id, entry);
    return entry.node;
  });
  const focused = focusWithin(parent);
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  parent.renderedItems = now;
  focused?.();
}

/** Where the focus is within `parent`, as a function that puts it back after a redraw. */
function focusWithin(parent) {
  const element = document.activeElement;
  if (!element || !parent.contains(element) || !element.dataset.key) return null;
  const { key } = element.dataset;
  return () => {
    if (!element.isConnected) parent.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  };
}

/** Tell those who can't see it; polite, so that it waits for what is being read. */
export function say(text) {
  const region = document.getElementById("said");
  region.append(h("p", {}, text));
  while (region.children.length > 5) region.firstChild.remove();
}

const TOAST_MS = 6000;

/** A passing notice, seen and heard. @param {{kind?: "good" | "bad", action?: {label, run}}} options */
export function toast(text, { kind = "", action = null } = {}) {
  const same = [...document.getElementById("toasts").children].find((one) => one.dataset.text === text);
  same?.remove(); // said again, not twice
  const close = () => notice.remove();
  const notice = h(
    "div",
    { class: `toast ${kind}`, "data-text": text },
    h("p", {}, text),
    action && h("button", { class: "quiet", onclick: () => (close(), action.run()) }, action.label),
    h("button", { class: "icon-only quiet", "aria-label": "Dismiss", onclick: close }, icon("close")),
  );
  document.getElementById("toasts").append(notice);
  if (!same) say(text);
  const timer = () => setTimeout(() => (notice.matches(":hover, :focus-within") ? timer() : close()), TOAST_MS);
  timer();
}
