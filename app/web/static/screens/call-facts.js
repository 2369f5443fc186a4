// What is said of a call, and how far it is.

import { h, icon } from "../ui/dom.js";

export const CALL_STATES = {
  received: "Received",
  transcribing: "Being transcribed",
  analysing: "Being analysed",
  done: "Ready",
  failed: "Failed",
};

/** @returns {string[]} */
export function factsOfCall({ agent, customer, account, deal, language }) {
  const people = [agent, customer].filter(Boolean).join(" with ");
  return [people, account && `account ${account}`, deal && `deal ${deal}`, language].filter(Boolean);
}

export function stateOfCall({ state, progress, is_mock: isMock }) {
  const percent = ["done", "failed"].includes(state) ? "" : ` – ${Math.round(progress * 100)} %`;
  return h(
    "p",
    { class: "badges" },
    h("span", { class: `badge ${state}` }, `${CALL_STATES[state] ?? state}${percent}`),
    isMock && h("span", { class: "badge mock" }, icon("flask"), "Mock notes"),
  );
}
