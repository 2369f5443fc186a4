// Who was asked, and who was there when.

import { h, icon, renderList, toast } from "../ui/dom.js";
import { INVITATION_STATES, initials, time, words } from "../ui/words.js";
import { proposalCard } from "./answers.js";

const PRESENCE = { waiting: "Waiting to be let in", joined: "In the meeting", reconnecting: "Reconnecting" };

/** @returns {{element: Element, read: (meeting: object) => Promise<void>}} */
export function peopleSection(app) {
  const { client, live } = app;
  const proposals = h("ul", { class: "cards" });
  const invited = h("ul", { class: "rows" });
  const present = h("ul", { class: "rows" });
  const banned = h("ul", { class: "rows" });
  const bannedPart = h("div", {}, h("h3", {}, "Banned"), banned);
  const invitedPart = h("div", {}, h("h3", {}, "Invited"), invited);
  const presentPart = h("div", {}, h("h3", {}, "Been there"), present);
  const nobody = h("p", { class: "empty" }, icon("people"), "Nobody has been here yet.");
  const element = h(
    "section",
    { "aria-labelledby": "people" },
    h("h2", { id: "people" }, "People"),
    proposals,
    invitedPart,
    presentPart,
    bannedPart,
    nobody,
  );

  const withdraw = async (invitation) => {
    try {
      await client.delete(`/invitations/${invitation.id}`);
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    live.dispatchEvent(new Event("reread"));
  };

  const lift = async (meeting, person) => {
    try {
      await client.delete(`/meetings/${meeting.id}/bans/${person.user_id}`);
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    live.dispatchEvent(new Event("reread"));
  };

  async function read(meeting) {
    const owner = meeting.my_relation === "owner";
    const host = owner || meeting.my_role === "co_host";
    const [bans, invitations, participants] = await Promise.all([
      host ? client.all(`/meetings/${meeting.id}/bans`) : [],
      owner ? client.all(`/meetings/${meeting.id}/invitations`) : [],
      client.all(`/meetings/${meeting.id}/participants`),
    ]);
    const open = meeting.state === "scheduled" ? invitations.filter((one) => one.status === "proposed") : [];
    proposals.hidden = open.length === 0;
    renderList(proposals, open, (one) => proposalCard(app, one));
    const asked = invitations.filter((one) => one.status !== "revoked");
    invitedPart.hidden = asked.length === 0;
    renderList(invited, asked, (one) => invitedRow(one, withdraw));
    const people = participants.filter((one) => one.kind === "user" && one.left_reason !== "denied");
    presentPart.hidden = people.length === 0;
    renderList(present, people, presentRow);
    bannedPart.hidden = bans.length === 0;
    const shownBans = bans.map((one) => ({ id: one.user_id, ...one }));
    renderList(banned, shownBans, (one) => bannedRow(one, () => lift(meeting, one)));
    nobody.hidden = asked.length + people.length > 0;
  }

  return { element, read };
}

function invitedRow(invitation, withdraw) {
  const { invitee, status } = invitation;
  const name = invitee.display_name ?? invitee.email;
  return h(
    "li",
    { class: "row" },
    avatar(name),
    h("div", { class: "grow" }, h("p", { class: "name" }, name), h("p", { class: "hint" }, INVITATION_STATES[status])),
    status !== "accepted" &&
      h(
        "button",
        {
          class: "quiet icon-only",
          "aria-label": `Withdraw the invitation of ${name}`,
          onclick: () => withdraw(invitation),
        },
        icon("close"),
      ),
  );
}

function bannedRow(person, lift) {
  return h(
    "li",
    { class: "row" },
    avatar(person.display_name),
    h("p", { class: "name grow" }, person.display_name),
    h("button", { "aria-label": `Lift the ban of ${person.display_name}`, onclick: lift }, "Lift ban"),
  );
}

function presentRow(participant) {
  const { display_name, is_guest, state, joined_at, left_at } = participant;
  const times = [joined_at && `from ${time(joined_at)}`, left_at && `to ${time(left_at)}`].filter(Boolean).join(" ");
  return h(
    "li",
    { class: "row" },
    avatar(display_name),
    h(
      "div",
      { class: "grow" },
      h("p", { class: "name" }, display_name),
      h("p", { class: "hint" }, [is_guest && "Guest", PRESENCE[state], times].filter(Boolean).join(", ")),
    ),
    state === "joined" && h("span", { class: "dot good", title: PRESENCE.joined }),
  );
}

export function avatar(name) {
  return h("span", { class: `avatar tint-${tint(name)}`, "aria-hidden": "true" }, initials(name));
}

/** One of six colours, the same for a name everywhere. */
export function tint(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % 6;
}
