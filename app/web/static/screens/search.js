// Searching what was said, noted and written. What is searched for stands in the address, so that Back leads to it.

import { field, select } from "../ui/dialog.js";
import { fill, h, icon, say } from "../ui/dom.js";
import { clock, dayAndTime, words } from "../ui/words.js";

const TYPING_MS = 300;
const KINDS = { transcript: "Said", notes: "Noted", chat: "Written", title: "Title" };
const DAY_MS = 86_400_000;

export function show(app, root) {
  const { client } = app;
  app.title("Search");
  const given = new URLSearchParams(location.search);
  let only = given.get("meeting") ? "meeting" : given.get("call") ? "call" : null; // what it is searched in, if in one
  let typing = null;
  let asked = 0;

  const people = select("Who", { name: "person", options: [["", "Anybody"]], value: "" });
  const box = field("Words", {
    type: "search",
    name: "q",
    maxlength: 200,
    value: given.get("q") ?? "",
    autocomplete: "off",
  });
  const scope = h("p", { class: "badges", hidden: true });
  const results = h("ol", { class: "cards" });
  const told = h("p", { class: "empty", role: "status", hidden: true });
  const more = h("button", { class: "quiet", hidden: true }, "Show more");
  const form = h(
    "form",
    { class: "stack", onsubmit: (event) => (event.preventDefault(), search()), oninput: () => soon() },
    box,
    scope,
    h(
      "details",
      { open: ["kind", "person", "since", "until"].some((name) => given.get(name)) },
      h("summary", {}, "Filter"),
      h(
        "div",
        { class: "side-by-side" },
        select("What", {
          name: "kind",
          options: [["", "Everything"], ...Object.entries(KINDS)],
          value: given.get("kind") ?? "",
        }),
        people,
        field("From", { name: "since", type: "date", value: given.get("since") ?? "" }),
        field("Until", { name: "until", type: "date", value: given.get("until") ?? "" }),
      ),
    ),
  );
  fill(root, h("h1", {}, "Search"), h("search", {}, form), told, results, more);
  box.querySelector("input").focus();

  /** As it stands in the address. */
  function wanted() {
    const data = [...new FormData(form)].filter(([, value]) => value);
    return new URLSearchParams([...data, ...(only ? [[only, given.get(only)]] : [])]);
  }

  function soon() {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_MS);
  }

  async function search() {
    clearTimeout(typing);
    const parameters = wanted();
    history.replaceState({}, "", `/search?${parameters}`);
    fill(results);
    more.hidden = true;
    told.hidden = true;
    if (parameters.get("q")?.trim()) await page(parameters, null);
  }

  async function page(parameters, cursor) {
    const number = ++asked;
    try {
      const found = await client.get("/search", { query: { ...queryOf(parameters), cursor } });
      if (number !== asked) return; // something else was typed meanwhile
      results.append(...found.items.map(hit));
      more.hidden = found.next_cursor === null;
      more.onclick = () => page(parameters, found.next_cursor);
      if (results.children.length === 0) tell(`Nothing was found for “${parameters.get("q")}”.`);
      else say(`Places that were found: ${results.children.length}${found.next_cursor === null ? "" : ", and more"}.`);
    } catch (error) {
      if (number === asked) tell(words(error));
    }
  }

  function tell(text) {
    fill(told, icon("search"), text);
    told.hidden = false;
  }

  /** Where it is searched in one meeting or call, and the way out of that. */
  async function drawScope() {
    if (!only) return;
    const { title } = await client.get(`/${only}s/${given.get(only)}`).catch(() => ({ title: `one ${only}` }));
    const everywhere = () => {
      only = null;
      scope.hidden = true;
      search();
    };
    fill(
      scope,
      h("span", { class: "badge" }, `Only in “${title}”`),
      h("button", { type: "button", class: "quiet", onclick: everywhere }, icon("close"), "Search everywhere"),
    );
    scope.hidden = false;
  }

  async function drawPeople() {
    const met = await client.all("/users").catch(() => []);
    const names = [client.user, ...met].map(({ id, display_name: name }) => [id, name]);
    names.sort(([, one], [, other]) => one.localeCompare(other));
    const choice = people.querySelector("select");
    choice.append(...names.map(([id, name]) => h("option", { value: id }, name)));
    choice.value = given.get("person") ?? "";
  }

  Promise.all([drawScope(), drawPeople()])
    .then(search)
    .finally(() => root.setAttribute("data-ready", ""));
  return () => clearTimeout(typing);
}

function queryOf(parameters) {
  const day = (name, later = 0) => {
    const value = parameters.get(name);
    return value ? new Date(new Date(`${value}T00:00`).getTime() + later).toISOString() : null;
  };
  return {
    q: parameters.get("q").trim(),
    kind: parameters.get("kind"),
    meeting_id: parameters.get("meeting"),
    call_id: parameters.get("call"),
    person_id: parameters.get("person"),
    since: day("since"),
    until: day("until", DAY_MS), // that day is part of it
  };
}

function hit(found) {
  const { kind, meeting, call, person, at, start_s: second } = found;
  const facts = [person?.display_name, dayAndTime(at), second !== null && clock(second), call && "call"];
  return h(
    "li",
    { class: "card column hit", "data-kind": kind },
    h(
      "div",
      { class: "card-line" },
      h("h2", { class: "grow" }, h("a", { href: addressOf(found) }, (meeting ?? call).title)),
      h("p", { class: "badge" }, KINDS[kind] ?? kind),
    ),
    kind !== "title" && h("p", { class: "snippet", dir: "auto" }, marked(found)),
    h("p", { class: "hint" }, facts.filter(Boolean).join(" · ")),
  );
}

/** Where it opens: at that second, also where that is in no recording. */
function addressOf({ kind, meeting, call, recording_id: recording, start_s: second, at }) {
  const page = meeting ? `/meetings/${meeting.id}` : `/calls/${call.id}`;
  if (second === null) return ["transcript", "notes"].includes(kind) ? `${page}?${new URLSearchParams({ at })}` : page;
  const place = new URLSearchParams(recording ? { recording, t: second } : { t: second });
  return `${page}?${place}`;
}

/** The snippet with what was found marked; places are counted in code points, which letters of a string are not. */
function marked({ snippet, highlights }) {
  const letters = Array.from(snippet);
  const parts = [];
  let at = 0;
  for (const { begin, end } of highlights) {
    parts.push(letters.slice(at, begin).join(""), h("mark", {}, letters.slice(begin, end).join("")));
    at = end;
  }
  return [...parts, letters.slice(at).join("")];
}
