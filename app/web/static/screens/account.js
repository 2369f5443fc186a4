// One's account: what may be done with what one says, and with which providers one signs in.

import { possible, wayTo } from "../client/providers.js";
import { checkbox, confirmDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { day, words } from "../ui/words.js";

const PATH = "/auth/me";

export function show(app, root) {
  const { client } = app;
  app.title("Your account");
  root.classList.add("narrow", "account");
  const wishes = h("div", { class: "stack" });
  const providers = h("section", { class: "stack", "aria-labelledby": "providers", hidden: true });
  fill(
    root,
    h("p", {}, h("a", { class: "back", href: "/" }, icon("back"), "Your meetings")),
    h("div", {}, h("h1", {}, "Your account"), h("p", { class: "hint" }, `${client.user.display_name}, ${client.user.email}`)),
    h("section", { class: "stack", "aria-labelledby": "wishes" }, h("h2", { id: "wishes" }, "What you say in meetings"), wishes),
    providers,
    h(
      "section",
      { class: "stack", "aria-labelledby": "programs" },
      h("h2", { id: "programs" }, "Programs of yours"),
      h("p", { class: "hint" }, "A server of yours can be told what happens in meetings that you host."),
      h("div", { class: "buttons" }, h("a", { class: "button", href: "/webhooks" }, icon("link"), "Webhooks")),
    ),
  );

  async function read() {
    try {
      const [me, known, connected] = await Promise.all([
        client.get(PATH),
        client.get("/auth/oidc", { open: true }),
        client.all("/auth/me/identities"),
      ]);
      drawWishes(me);
      drawProviders(known.items, connected, me);
      root.setAttribute("data-ready", "");
    } catch (error) {
      fill(wishes, h("p", { class: "problem", role: "alert" }, words(error)));
    }
  }

  function drawWishes({ ai, version }) {
    const change = (name) => async (event) => {
      for (const box of wishes.querySelectorAll("input")) box.disabled = true; // one change at a time
      try {
        await client.patch(PATH, { ai: { [name]: event.target.checked } }, { version });
        toast("Saved.", { kind: "good" });
      } catch (error) {
        toast(words(error), { kind: "bad" });
      }
      await read();
      wishes.querySelector(`input[name=${name}]`)?.focus();
    };
    fill(
      wishes,
      checkbox("It may be transcribed", { name: "transcribe", checked: ai.transcribe, onchange: change("transcribe") }),
      checkbox("Summaries and notes may be made of it", {
        name: "analyse",
        checked: ai.transcribe && ai.analyse,
        disabled: !ai.transcribe, // there is nothing to make them of
        onchange: change("analyse"),
      }),
      h(
        "p",
        { class: "hint" },
        "This is for meetings that you join from now on; the others there can see it. What is written already stays.",
      ),
    );
  }

  function drawProviders(known, connected, me) {
    const labels = new Map(known.map((one) => [one.name, one.label]));
    const others = possible() ? known.filter((one) => !connected.some(({ provider }) => provider === one.name)) : [];
    providers.hidden = known.length + connected.length === 0;
    fill(
      providers,
      h("h2", { id: "providers" }, "Ways to sign in"),
      h(
        "ul",
        { class: "rows" },
        me.has_password && h("li", { class: "row" }, h("p", { class: "grow" }, "Your password")),
        connected.map((one) => identityRow(one, labels.get(one.provider) ?? one.provider)),
      ),
      h(
        "div",
        { class: "buttons" },
        others.map((one) => h("button", { onclick: () => go(one) }, icon("plus"), `Connect ${one.label}`)),
      ),
    );
  }

  function identityRow(one, label) {
    const disconnect = async () => {
      const text = `You can't sign in with ${label} any more, until you connect it again.`;
      if (!(await confirmDialog({ title: `Disconnect ${label}?`, text, submit: "Disconnect", danger: true }))) return;
      try {
        await client.delete(`/auth/me/identities/${one.id}`);
        toast(`${label} is disconnected.`, { kind: "good" });
      } catch (error) {
        toast(words(error), { kind: "bad" });
      }
      await read();
    };
    return h(
      "li",
      { class: "row" },
      h(
        "div",
        { class: "grow" },
        h("p", { class: "name" }, label),
        h("p", { class: "hint" }, one.email ?? `Connected: ${day(one.created_at)}`),
      ),
      h("button", { class: "danger-text", "aria-label": `Disconnect ${label}`, onclick: disconnect }, "Disconnect"),
    );
  }

  const go = async ({ name, label }) => location.assign(await wayTo(client.baseUrl, name, "/account", { connect: label }));

  read();
}
