import { fill, h } from "./dom.js";

/** The same words for what does not exist and what one may not see, as the API has it. */
export function notFound(app, root) {
  app.title("Not found");
  root.className = "screen narrow";
  fill(
    root,
    h("h1", {}, "There's nothing here"),
    h("p", {}, "The link is wrong, or this was not shared with you. Ask whoever sent it for an invitation."),
    h("p", {}, h("a", { class: "button", href: "/" }, "To your meetings")),
  );
  root.setAttribute("data-ready", "");
}
