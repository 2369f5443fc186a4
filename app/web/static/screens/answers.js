// What asks for an answer: invitations for the invited, proposals of another time for the owner.

import { field, formDialog } from "../ui/dialog.js";
import { h, icon, toast } from "../ui/dom.js";
import { repeatWords } from "../ui/repeats.js";
import { dayAndTime, fromLocalInput, toLocalInput, when, words } from "../ui/words.js";

export function invitationCard(app, invitation) {
  const { meeting } = invitation;
  return h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "grow" },
      h("p", { class: "hint" }, `${invitation.inviter.display_name} invites you`),
      h("h3", {}, h("a", { href: `/meetings/${meeting.id}`, "data-key": invitation.id }, meeting.title)),
      h("p", { class: "when" }, icon("clock"), meeting.state === "live" ? "Happening now" : when(meeting)),
      meeting.recurrence && invitation.scope === "all" && h("p", { class: "hint" }, repeatWords(meeting)),
      invitation.message && h("p", { class: "quote" }, invitation.message),
    ),
    invitationButtons(app, invitation),
  );
}

/** Accept, decline, or ask for another time; of a live meeting: join, which accepts. */
export function invitationButtons(app, invitation) {
  const { id, title, state } = invitation.meeting;
  const button = (words, look, run) =>
    h(
      "button",
      { class: look, "aria-label": `${words}: ${title}`, "data-key": `${words}-${invitation.id}`, onclick: run },
      words,
    );
  const decline = async (event) => {
    await answer(app, event, invitation, "reject", `You declined “${title}”.`);
    if (location.pathname !== "/") app.navigate("/"); // its page is no longer ours to see
  };
  return h(
    "div",
    { class: "buttons" },
    state === "live"
      ? h(
          "a",
          {
            class: "button primary",
            href: `/meetings/${id}/room`,
            "aria-label": `Join: ${title}`,
            "data-key": `join-${id}`,
          },
          "Join",
        )
      : button("Accept", "primary", (event) => answer(app, event, invitation, "accept", `You accepted “${title}”.`)),
    button("Decline", "", decline),
    state === "scheduled" && button("Propose a time", "", () => proposeDialog(app, invitation)),
  );
}

export function proposalCard(app, invitation) {
  const { meeting, proposal, invitee } = invitation;
  const name = invitee.display_name ?? invitee.email;
  const button = (words, look, action, done) =>
    h(
      "button",
      {
        class: look,
        "aria-label": `${words}: ${name} for ${meeting.title}`,
        "data-key": `${words}-${invitation.id}`,
        onclick: (event) => answer(app, event, invitation, action, done),
      },
      words,
    );
  return h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "grow" },
      h("p", { class: "hint" }, `${name} asks for another time`),
      h("h3", {}, h("a", { href: `/meetings/${meeting.id}`, "data-key": invitation.id }, meeting.title)),
      h(
        "p",
        { class: "when" },
        icon("clock"),
        h("s", {}, when(meeting)),
        " ",
        h("strong", {}, when({ ...meeting, ...proposal })),
      ),
      proposal.note && h("p", { class: "quote" }, proposal.note),
    ),
    h(
      "div",
      { class: "buttons" },
      button(
        "Move the meeting",
        "primary",
        "proposal/accept",
        "The meeting has moved; those who had accepted are asked again.",
      ),
      button("Keep the time", "", "proposal/decline", `${name} is told that the time stays.`),
    ),
  );
}

function proposeDialog(app, invitation) {
  const { meeting } = invitation;
  const start = meeting.starts_at ?? new Date(Date.now() + 3_600_000).toISOString();
  formDialog({
    title: `Another time for “${meeting.title}”`,
    submit: "Send the proposal",
    fields: [
      meeting.starts_at && h("p", { class: "hint" }, `Planned: ${dayAndTime(meeting.starts_at)}`),
      field("Better time", { name: "starts_at", type: "datetime-local", required: true, value: toLocalInput(start) }),
      field("A word to the host (optional)", { name: "note", maxlength: 500 }),
    ],
    send: (data) => {
      const body = { starts_at: fromLocalInput(data.get("starts_at")) };
      if (data.get("note").trim()) body.note = data.get("note").trim();
      if (meeting.duration_min) body.duration_min = meeting.duration_min;
      const query = invitation.scope === "all" ? { meeting_id: meeting.id } : {};
      return app.client.post(`/invitations/${invitation.id}/propose`, body, { query });
    },
    done: () => {
      toast("Your proposal is on its way.", { kind: "good" });
      app.live.dispatchEvent(new Event("reread"));
    },
  });
}

async function answer(app, event, invitation, action, done) {
  event.currentTarget.disabled = true;
  try {
    await app.client.post(`/invitations/${invitation.id}/${action}`);
    toast(done, { kind: "good" });
  } catch (error) {
    toast(words(error), { kind: "bad" });
  }
  app.live.dispatchEvent(new Event("reread")); // our own answers are no news to our inbox
}
