/**
 * Sends files in parts: several at a time, each tried again when the network fails, and a file that was begun before goes
 * on where it was.
 *
 *   const upload = await new Uploads(parley).send(file, { purpose: "chat_file", onProgress: ({ sent, size }) => … });
 *   await parley.post(`/meetings/${id}/messages`, { type: "file", upload_id: upload.id });
 *
 * What a browser can and can't do: it may not open a file again by itself after its tab was closed. So the server is
 * asked for unfinished uploads (`unfinished`), and when its person chooses the same file again (by name, size and time of
 * change), what has arrived is not sent again. The checksum of the whole tells in the end whether it was the same.
 */

import { backoffMs, Pause } from "./backoff.js";
import { ParleyError } from "./errors.js";
import { putPart, reachable } from "./put-part.js";

const AT_ONCE = 3; // parts under way: enough for a fast line, few enough that a slow one finishes some
const FAILURES = 8; // of one part, one after the other: more than half a minute
const SIGNED_AT_ONCE = 50;
const ASK_AGAIN_MS = [150, 300, 600, 1000]; // whether it is verified
const SEND_AGAIN = 3; // times that parts turn out to be missing in the end

export class Uploads {
  #client;

  constructor(client) {
    this.#client = client;
  }

  /** Uploads that were begun and can be gone on with, once their file is chosen again. */
  unfinished(purpose) {
    return this.#client
      .all("/uploads", { state: "uploading" })
      .then((uploads) => uploads.filter((upload) => upload.purpose === purpose));
  }

  /**
   * @param {File} file
   * @param {object} options purpose; onProgress({sent, size, state}), state being "sending" or "verifying"; signal: give up,
   *   what has arrived stays and can be gone on with
   * @returns {Promise<object>} the upload, `complete`
   * @throws {ParleyError} with the code of what is wrong; AbortError
   */
  async send(file, { purpose, onProgress = () => {}, signal }) {
    const hashing = hashed(file, signal);
    hashing.catch(() => {}); // it is awaited later
    let { upload, urls } = (await this.#begun(file, purpose)) ?? (await this.#begin(file, purpose));
    for (let round = 0; round < SEND_AGAIN; round += 1) {
      await new Sending(this.#client, file, upload, urls, onProgress, signal).run();
      onProgress({ sent: file.size, size: file.size, state: "verifying" });
      const sha256 = await hashing;
      signal?.throwIfAborted();
      try {
        await this.#client.post(`/uploads/${upload.id}/complete`, { sha256 }, { signal });
      } catch (error) {
        if (error.code !== "parts_missing") throw error;
      }
      upload = await this.#verified(upload.id, signal);
      if (upload.state !== "uploading") return upload;
      urls = [];
    }
    throw new ParleyError({ ...upload.error, status: 409 });
  }

  async #begin(file, purpose) {
    const body = { purpose, name: file.name, size: file.size, client_ref: reference(file) };
    const type = file.type.split(";")[0].trim().toLowerCase();
    if (type) body.media_type = type;
    const { upload, parts } = await this.#client.post("/uploads", body);
    return { upload, urls: parts };
  }

  async #begun(file, purpose) {
    const found = (await this.unfinished(purpose)).find(
      (upload) => upload.size === file.size && upload.client_ref === reference(file),
    );
    return found && { upload: found, urls: [] };
  }

  async #verified(id, signal) {
    const pause = new Pause();
    for (let asked = 0; ; asked += 1) {
      const upload = await this.#client.get(`/uploads/${id}`, { signal });
      if (upload.state === "failed") throw new ParleyError({ ...upload.error, status: 422 });
      if (upload.state !== "completing") return upload;
      await pause.take(ASK_AGAIN_MS[Math.min(asked, ASK_AGAIN_MS.length - 1)], { signal });
      signal?.throwIfAborted();
    }
  }
}

/** One go through the parts of an upload that have not arrived. */
class Sending {
  #client;
  #file;
  #upload;
  #urls;
  #onProgress;
  #signal;
  #waiting = [];
  #sent = new Map(); // by part: bytes that have left

  constructor(client, file, upload, urls, onProgress, signal) {
    this.#client = client;
    this.#file = file;
    this.#upload = upload;
    this.#urls = new Map(urls.map((part) => [part.number, part.url]));
    this.#onProgress = onProgress;
    this.#signal = signal;
  }

  async run() {
    const { arrived } = await this.#client.get(`/uploads/${this.#upload.id}`, { signal: this.#signal });
    for (const part of arrived) this.#sent.set(part.number, part.size);
    for (let number = 1; number <= this.#upload.part_count; number += 1) {
      if (!this.#sent.has(number)) this.#waiting.push(number);
    }
    this.#tell();
    const failed = new AbortController(); // one part that can't be sent ends the others
    const stop = () => failed.abort(this.#signal?.reason);
    if (this.#signal?.aborted) stop();
    this.#signal?.addEventListener("abort", stop, { once: true });
    const workers = Array.from({ length: AT_ONCE }, async () => {
      try {
        while (this.#waiting.length > 0) await this.#send(this.#waiting.shift(), failed.signal);
      } catch (error) {
        failed.abort();
        throw error;
      }
    });
    const results = await Promise.allSettled(workers);
    this.#signal?.removeEventListener("abort", stop);
    this.#signal?.throwIfAborted();
    const worst = results.find((result) => result.reason && result.reason.name !== "AbortError");
    if (worst) throw worst.reason;
  }

  async #send(number, signal) {
    const pause = new Pause();
    const wake = () => pause.cutShort();
    this.#client.addEventListener("wake", wake);
    try {
      for (let failures = 0; ; failures += 1) {
        signal.throwIfAborted();
        try {
          await this.#put(number, await this.#url(number, signal), signal);
          return;
        } catch (error) {
          this.#sent.delete(number);
          this.#tell();
          const again = error.passing || error.status === 403 || error.status === 408;
          if (!again || error.code === "storage_full" || failures + 1 >= FAILURES) throw error;
          if (error.status === 403) this.#urls.delete(number); // it has expired
          await pause.take(backoffMs(failures), { leastMs: error.retryAfterMs ?? 0, signal });
        }
      }
    } finally {
      this.#client.removeEventListener("wake", wake);
    }
  }

  async #url(number, signal) {
    if (!this.#urls.has(number)) {
      const next = this.#waiting.filter((other) => !this.#urls.has(other)).slice(0, SIGNED_AT_ONCE - 1);
      const body = { numbers: [number, ...next] };
      const path = `/uploads/${this.#upload.id}/parts`;
      const { parts } = await this.#client.post(path, body, { signal, idempotencyKey: null });
      for (const part of parts) this.#urls.set(part.number, part.url);
    }
    return reachable(this.#client, this.#urls.get(number));
  }

  #put(number, url, signal) {
    const { part_size: size } = this.#upload;
    const content = this.#file.slice((number - 1) * size, number * size);
    const onProgress = (loaded) => {
      this.#sent.set(number, loaded);
      this.#tell();
    };
    return putPart(url, content, { signal, onProgress });
  }

  #tell() {
    const sent = Array.from(this.#sent.values()).reduce((sum, bytes) => sum + bytes, 0);
    this.#onProgress({ sent: Math.min(sent, this.#file.size), size: this.#file.size, state: "sending" });
  }
}

function reference(file) {
  return `${file.lastModified}-${file.name}`.slice(0, 100);
}

/** The SHA-256 of a file, in hex. */
export function hashed(file, signal) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./sha256-worker.js", import.meta.url), { type: "module" });
    const end = (action, value) => {
      worker.terminate();
      action(value);
    };
    worker.onmessage = ({ data }) => (data.sha256 ? end(resolve, data.sha256) : end(reject, unreadable(data.error)));
    worker.onerror = ({ message }) => end(reject, unreadable(message));
    signal?.addEventListener("abort", () => end(reject, signal.reason), { once: true });
    worker.postMessage(file);
  });
}

function unreadable(cause) {
  const detail = "The file can't be read. Was it changed or moved?";
  return new ParleyError({ code: "file_unreadable", status: 0, detail }, { cause });
}
