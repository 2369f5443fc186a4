// What a host can do with one person: a dialog, so that fingers and keyboards find it alike.

import { confirmDialog, openDialog } from "../ui/dialog.js";
import { h, icon, toast } from "../ui/dom.js";
import { copyLink } from "../screens/create-meeting.js";
import { act, run } from "./lobby.js";

export function personDialog(call, client, person) {
  const actions = actionsOn(call, client, person);
  openDialog(person.display_name, (close) =>
    h(
      "div",
      { class: "stack choices" },
      actions.map(([shape, label, work, look]) =>
        h("button", { class: look ?? null, onclick: () => (close(), run(work)) }, icon(shape), label),
      ),
    ),
  );
}

/** [icon, words, work, look] of each. */
function actionsOn(call, client, person) {
  const isOwner = call.self.role === "owner";
  const isCoHost = person.role === "co_host";
  const mayRemove = person.role !== "owner" && (isOwner || !isCoHost);
  const ask = async () => {
    await act(client, person, "ask-to-unmute");
    toast(`${person.display_name} was asked to unmute.`);
  };
  const ban = async () => {
    const title = `Ban ${person.display_name}?`;
    const text = person.is_guest
      ? "They are taken out, and the meeting gets another link: whoever is still to come by the old one needs the new one."
      : "They are taken out with all their devices and can't come back until you lift the ban.";
    if (!(await confirmDialog({ title, text, submit: "Ban", danger: true }))) return;
    const { code_renewed } = await act(client, person, "ban");
    if (code_renewed)
      toast("The meeting has a new link.", { action: { label: "Copy link", run: () => copyLink(call.meeting) } });
  };
  const role = isCoHost ? "participant" : "co_host";
  const setRole = () => client.request("PUT", `/participants/${person.id}/role`, { body: { role } });
  return [
    person.muted ? ["mic", "Ask to unmute", ask] : ["mic-off", "Mute", () => act(client, person, "mute")],
    person.hand && ["hand", "Lower hand", () => act(client, person, "lower-hand")],
    isOwner && person.role !== "owner" && ["people", isCoHost ? "Take back co-host" : "Make co-host", setRole],
    mayRemove && ["door", "Remove", () => act(client, person, "remove"), "danger-text"],
    mayRemove && ["close", "Ban", ban, "danger-text"],
  ].filter(Boolean);
}
