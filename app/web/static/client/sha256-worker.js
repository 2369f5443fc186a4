// The SHA-256 of a file, beside the page: piece by piece, so that memory does not grow with the file. (What browsers have
// built in takes a file only as a whole, and only on HTTPS.)

import { sha256 } from "../vendor/noble-hashes/sha2.js";

const PIECE = 4 * 1024 * 1024;

onmessage = async ({ data: file }) => {
  try {
    const hash = sha256.create();
    for (let start = 0; start < file.size; start += PIECE) {
      hash.update(new Uint8Array(await file.slice(start, start + PIECE).arrayBuffer()));
    }
    postMessage({ sha256: Array.from(hash.digest(), (byte) => byte.toString(16).padStart(2, "0")).join("") });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
