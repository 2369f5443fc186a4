// Signing in with a provider: the page goes away and comes back with a code, which only works with the verifier that it
// has kept to itself (RFC 7636). No token ever stands in an address.

const KEY = "parley.oidc";

/** Where the page has to go. What it must know when it is back is kept for this window. */
export async function wayTo(baseUrl, provider, returnTo, kept) {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(KEY, JSON.stringify({ ...kept, provider, verifier }));
  const query = new URLSearchParams({ code_challenge: base64url(new Uint8Array(digest)), return_to: returnTo });
  return `${baseUrl}/auth/oidc/${encodeURIComponent(provider)}/start?${query}`;
}

/** What was kept, once. @returns {{provider: string, verifier: string} | null} null: another window began it */
export function takeKept() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return kept && JSON.parse(kept);
}

/** Pages without HTTPS can't compute a challenge; no provider would send anybody back to them anyway. */
export const possible = () => Boolean(globalThis.crypto?.subtle);

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
