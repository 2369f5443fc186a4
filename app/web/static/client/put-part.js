// One part of a file on its way to the address that was signed for it.

import { ParleyError } from "./errors.js";

const STALLED_MS = 60_000; // without a byte leaving

/**
 * By XMLHttpRequest, since fetch does not tell how much has left.
 * @param {Blob} content
 * @throws {ParleyError} AbortError
 */
export function putPart(url, content, { signal, onProgress = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer;
    const stop = () => request.abort();
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, STALLED_MS);
    };
    const end = (action, value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      action(value);
    };
    request.upload.onprogress = ({ loaded }) => {
      alive();
      onProgress(loaded);
    };
    request.onload = () => {
      if (request.status !== 200) return end(reject, refusal(request));
      onProgress(content.size);
      end(resolve);
    };
    request.onerror = () => end(reject, ParleyError.network());
    request.onabort = () => {
      end(reject, signal?.aborted ? new DOMException("The upload was stopped.", "AbortError") : ParleyError.network());
    };
    signal?.addEventListener("abort", stop, { once: true });
    request.open("PUT", url);
    alive();
    request.send(content);
  });
}

/** The app's own addresses are asked where this page reaches the app, whatever name it knows itself by. */
export function reachable(client, address) {
  const url = new URL(address, location.href);
  const api = new URL(client.baseUrl, location.href);
  const own = url.pathname.startsWith(`${api.pathname}/uploads/`);
  return own ? api.origin + url.pathname + url.search : address;
}

/** An answer to a PUT: a problem document of ours, or whatever a store of files says. */
function refusal(request) {
  try {
    const problem = JSON.parse(request.responseText);
    if (problem.code) return new ParleyError(problem);
  } catch {
    // a store's own XML
  }
  const detail = `The store of files answered ${request.status}.`;
  return new ParleyError({ code: "store_refused", status: request.status, detail });
}
