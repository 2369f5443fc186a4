// Dialogs on <dialog>: the browser keeps the focus inside, closes on Escape and gives the focus back.

import { h, icon } from "./dom.js";
import { words } from "./words.js";

/**
 * @param {string} title
 * @param {(close: () => void) => (Node | Node[])} content
 * @returns {{element: HTMLDialogElement, close: () => void}}
 */
export function openDialog(title, content, { wide = false } = {}) {
  const close = () => element.close();
  const heading = h("h2", { id: `dialog-${(openDialog.count = (openDialog.count ?? 0) + 1)}` }, title);
  const element = h(
    "dialog",
    { class: wide ? "wide" : null, "aria-labelledby": heading.id },
    h(
      "div",
      { class: "dialog-head" },
      heading,
      h("button", { type: "button", class: "icon-only quiet", "aria-label": "Close", onclick: close }, icon("close")),
    ),
    content(close),
  );
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
  return { element, close };
}

/**
 * A form in a dialog. It stays open with the problem said when `send` fails.
 * @param {object} options title, submit (the button's words), fields (nodes), send(form: FormData) → Promise,
 *   danger (paints the button), done(result)
 */
export function formDialog({ title, submit, fields, send, done = () => {}, danger = false }) {
  return openDialog(title, (close) =>
    form({
      fields,
      submit,
      danger,
      cancel: close,
      send: async (data) => {
        const result = await send(data);
        close();
        done(result);
      },
    }),
  );
}

/** @returns {Promise<boolean>} */
export function confirmDialog({ title, text, submit, danger = false }) {
  return new Promise((resolve) => {
    const { element } = formDialog({
      title,
      submit,
      danger,
      fields: [h("p", {}, text)],
      send: async () => resolve(true),
    });
    element.addEventListener("close", () => resolve(false));
  });
}

/** A form that shows the API's problems at the fields that they belong to. */
export function form({ fields, submit, send, cancel = null, danger = false }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
  const element = h(
    "form",
    { class: "stack" },
    fields,
    problem,
    h("div", { class: "buttons" }, cancel && h("button", { type: "button", onclick: cancel }, "Cancel"), button),
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    for (const input of element.elements) input.removeAttribute("aria-invalid");
    button.disabled = true;
    try {
      await send(new FormData(element));
    } catch (error) {
      problem.textContent = words(error);
      const names = (error.errors ?? []).map((one) => one.field?.split(".")[0]);
      const wrong = [...element.elements].filter((input) => names.includes(input.name));
      for (const input of wrong) input.setAttribute("aria-invalid", "true");
      (wrong[0] ?? button).focus();
    } finally {
      button.disabled = false;
    }
  });
  return element;
}

/** A labelled input. @param {object} attributes of the input; `hint` is said below it */
export function field(label, { hint = null, ...attributes }) {
  const id = `field-${(field.count = (field.count ?? 0) + 1)}`;
  const describedBy = hint ? `${id}-hint` : null;
  const tag = attributes.type === "textarea" ? "textarea" : "input";
  if (tag === "textarea") delete attributes.type;
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h(tag, { id, "aria-describedby": describedBy, ...attributes }),
    hint && h("p", { class: "hint", id: describedBy }, hint),
  );
}

/** @param {[string, string][]} options value and words of each */
export function select(label, { options, value, ...attributes }) {
  const id = `field-${(field.count = (field.count ?? 0) + 1)}`;
  const items = options.map(([key, text]) => h("option", { value: key, selected: key === value }, text));
  return h("div", { class: "field" }, h("label", { for: id }, label), h("select", { id, ...attributes }, items));
}

export function checkbox(label, attributes) {
  return h("label", { class: "check" }, h("input", { type: "checkbox", ...attributes }), h("span", {}, label));
}
