/**
 * A file on its way to the server: in parts, each sent again when it fails, with progress.
 *
 *   const uploadId = await upload(client, file, { purpose: "chat_file", onProgress: (share) => … });
 */

import { backoffMs, sleep } from "./backoff.js";
import { ParleyError } from "./errors.js";

const TRIES = 5; // of one part
const LOOK_EVERY_MS = 500; // whether the server has verified it

/**
 * @param {File} file
 * @param {object} options purpose, onProgress(0…1), signal
 * @returns {Promise<string>} id of an upload that is complete
 */
export async function upload(client, file, { purpose, onProgress = () => {}, signal }) {
  const sha256 = await digestOf(file);
  const body = { purpose, name: plainName(file.name), size: file.size, media_type: mediaType(file) };
  const { upload: begun, part_size: partSize, parts } = await client.post("/uploads", body, { signal });
  try {
    const known = new Map(parts.map((part) => [part.number, part]));
    for (let number = 1; number <= begun.part_count; number += 1) {
      const start = (number - 1) * partSize;
      const part = file.slice(start, start + partSize);
      const tell = (sent) => onProgress((start + sent) / file.size);
      await sendPart(client, begun.id, number, known, part, tell, signal);
    }
    await client.post(`/uploads/${begun.id}/complete`, { sha256 }, { signal });
    await verified(client, begun.id, signal);
  } catch (error) {
    client.delete(`/uploads/${begun.id}`).catch(() => {}); // else the server forgets it by and by
    throw error;
  }
  return begun.id;
}

async function sendPart(client, uploadId, number, known, part, tell, signal) {
  for (let failures = 0; ; failures += 1) {
    try {
      if (!known.has(number)) {
        const { parts } = await client.post(`/uploads/${uploadId}/parts`, { numbers: [number] }, { signal });
        known.set(number, parts[0]);
      }
      return await put(known.get(number).url, part, tell, signal);
    } catch (error) {
      const again = error.passing || error.status === 403; // its address may have expired
      if (signal?.aborted || !again || failures + 1 >= TRIES) throw error;
      known.delete(number);
      await sleep(Math.max(error.retryAfterMs ?? 0, backoffMs(failures)), signal);
    }
  }
}

/** By XMLHttpRequest, as fetch tells nothing of what is on its way. */
function put(url, part, tell, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => reject(ParleyError.network(new TypeError("The part was not sent.")));
    const stop = () => request.abort();
    request.open("PUT", url);
    request.upload.addEventListener("progress", (event) => tell(event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) return resolve();
      const headers = { "Content-Type": request.getResponseHeader("Content-Type") ?? "" };
      const retryAfter = request.getResponseHeader("Retry-After");
      if (retryAfter) headers["Retry-After"] = retryAfter;
      return ParleyError.from(new Response(request.responseText, { status: request.status, headers })).then(reject);
    });
    request.addEventListener("error", fail);
    request.addEventListener("abort", () => reject(new DOMException("The upload was given up.", "AbortError")));
    request.addEventListener("loadend", () => signal?.removeEventListener("abort", stop));
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) request.abort();
    else request.send(part);
  });
}

async function verified(client, uploadId, signal) {
  for (;;) {
    const now = await client.get(`/uploads/${uploadId}`, { signal });
    if (now.state === "complete") return;
    if (now.state !== "completing") {
      throw new ParleyError({ code: now.error?.code ?? "upload_failed", status: 409, detail: now.error?.detail });
    }
    await sleep(LOOK_EVERY_MS, signal);
  }
}

async function digestOf(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a system puts into names and the server takes in none. */
function plainName(name) {
  return name.replace(/[/\\\p{Cc}]/gu, " ").trim().slice(0, 200) || "file";
}

function mediaType(file) {
  const declared = file.type.split(";")[0].trim().toLowerCase();
  return /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/.test(declared) ? declared : "application/octet-stream";
}
