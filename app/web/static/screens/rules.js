// Who waits at the door of a meeting, and what everyone may do in it.

import { formDialog, select } from "../ui/dialog.js";
import { toast } from "../ui/dom.js";

const LOBBIES = [
  ["off", "Nobody"],
  ["guests", "Guests without an account"],
  ["everyone", "Everyone but hosts"],
];
const WHO = [
  ["everyone", "Everyone"],
  ["hosts", "Only hosts"],
];

export function ruleFields({ lobby = "off", permissions = {} } = {}) {
  return [
    select("Who waits until a host admits them", { name: "lobby", options: LOBBIES, value: lobby }),
    select("Who may share a screen", {
      name: "share_screen",
      options: WHO,
      value: permissions.share_screen ?? "everyone",
    }),
    select("Who may write in the chat", { name: "chat", options: WHO, value: permissions.chat ?? "everyone" }),
    select("Who may record", { name: "record", options: WHO, value: permissions.record ?? "hosts" }),
  ];
}

export function ruleBody(data) {
  const permissions = Object.fromEntries(["share_screen", "chat", "record"].map((name) => [name, data.get(name)]));
  return { lobby: data.get("lobby"), permissions };
}

export async function rulesDialog(app, meetingId, done = () => {}) {
  const meeting = await app.client.get(`/meetings/${meetingId}`);
  formDialog({
    title: "Permissions",
    submit: "Save",
    fields: ruleFields(meeting),
    send: (data) => app.client.patch(`/meetings/${meetingId}`, ruleBody(data), { version: meeting.version }),
    done: () => (toast("Saved.", { kind: "good" }), done()),
  });
}
