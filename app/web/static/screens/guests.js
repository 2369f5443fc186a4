// Who may come by the meeting's link, and what everyone may do in it.

import { checkbox, confirmDialog, formDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";
import { copyLink } from "./create-meeting.js";
import { rulesDialog } from "./rules.js";

/** @returns {{element: Element, draw: (meeting: object) => void}} */
export function guestsSection(app) {
  const { client, live } = app;
  const element = h("section", { "aria-labelledby": "guests", hidden: true });

  const act = (work) => async () => {
    try {
      await work();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    live.dispatchEvent(new Event("reread"));
  };

  function draw(meeting) {
    element.hidden = meeting.my_relation !== "owner" || meeting.state === "cancelled";
    if (element.hidden) return;
    const open = meeting.guests_allowed;
    const over = meeting.state === "ended";
    const button = (text, key, work, look = "") => h("button", { class: look, "data-key": key, onclick: act(work) }, text);
    const letIn = (allowed) => client.patch(`/meetings/${meeting.id}`, { guests_allowed: allowed }, { version: meeting.version });
    const renew = async () => {
      const text = "Whoever has only the old link can't come any more. Those who are in stay.";
      if (await confirmDialog({ title: "Renew the link?", text, submit: "Renew the link" })) {
        await client.post(`/meetings/${meeting.id}/code/renew`);
        toast("The link is renewed.", { kind: "good" });
      }
    };
    const close = () => {
      if (meeting.state !== "live") return letIn(false);
      formDialog({
        title: "Let no more guests in?",
        submit: "Let no more in",
        danger: true,
        fields: [
          h("p", {}, "The link lets in only people who were invited, until you let guests in again."),
          checkbox("Send out the guests who are in the meeting", { name: "out" }),
        ],
        send: (data) => (data.has("out") ? client.post(`/meetings/${meeting.id}/guests/close`) : letIn(false)),
        done: () => {
          toast("The meeting is closed to guests.", { kind: "good" });
          live.dispatchEvent(new Event("reread"));
        },
      });
      return null;
    };
    fill(
      element,
      h("h2", { id: "guests" }, "Guests and permissions"),
      h(
        "p",
        {},
        open
          ? "Whoever has the link can join, without an account too. Guests see no recordings and no notes."
          : "The link lets in only people who were invited.",
      ),
      h(
        "p",
        { class: "join-link" },
        h("button", { class: "quiet flush", "data-key": "copy-link", onclick: () => copyLink(meeting) }, icon("link"), meeting.join_url),
      ),
      h(
        "div",
        { class: "buttons" },
        !over && button(open ? "Let no more guests in" : "Let guests in", "allow", () => (open ? close() : letIn(true))),
        button("Renew the link", "renew", renew),
        !over && button("Permissions", "permissions", () => rulesDialog(app, meeting.id)),
      ),
    );
  }

  return { element, draw };
}
