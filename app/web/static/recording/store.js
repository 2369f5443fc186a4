/**
 * What this browser has recorded and not yet sent, in IndexedDB: it outlives a reload, a crash and a closed window.
 *
 * `tracks` say what a file is of and how far it is sent; `chunks` hold its bytes, in the order in which they came.
 */

const NAME = "parley-local-tracks";

export class TrackStore {
  #opened = null;

  /** Of one person, the oldest first: others who sign in at this browser neither see nor send them. */
  async tracksOf(userId) {
    const all = await this.#ask("tracks", "readonly", (tracks) => tracks.getAll());
    return all.filter((track) => track.userId === userId).sort((one, other) => one.startedMs - other.startedMs);
  }

  track(id) {
    return this.#ask("tracks", "readonly", (tracks) => tracks.get(id));
  }

  async add(track) {
    await this.#ask("tracks", "readwrite", (tracks) => tracks.add({ bytes: 0, partsSent: 0, tries: 0, ...track }));
  }

  /** @returns {Promise<object>} the track with these changes */
  async change(id, changes) {
    const database = await this.#database();
    const transaction = database.transaction("tracks", "readwrite");
    const tracks = transaction.objectStore("tracks");
    const track = { ...(await asked(tracks.get(id))), ...changes };
    tracks.put(track);
    await done(transaction);
    return track;
  }

  /** @throws {DOMException} QuotaExceededError: the disk, or this browser's share of it, is full */
  async append(id, number, content, atMs) {
    const database = await this.#database();
    const transaction = database.transaction(["tracks", "chunks"], "readwrite", { durability: "strict" });
    const finished = done(transaction);
    finished.catch(() => {}); // it is awaited last
    transaction.objectStore("chunks").add({ track: id, number, content });
    const tracks = transaction.objectStore("tracks");
    const track = await asked(tracks.get(id));
    tracks.put({ ...track, bytes: track.bytes + content.size, lastMs: atMs });
    await finished;
  }

  /** All of it so far. The browser reads it from its disk piece by piece. */
  async content(id) {
    const chunks = await this.#ask("chunks", "readonly", (store) => store.getAll(IDBKeyRange.bound([id, 0], [id, Infinity])));
    return new Blob(chunks.map((chunk) => chunk.content));
  }

  async forget(id) {
    const database = await this.#database();
    const transaction = database.transaction(["tracks", "chunks"], "readwrite");
    transaction.objectStore("tracks").delete(id);
    transaction.objectStore("chunks").delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
    await done(transaction);
  }

  #database() {
    this.#opened ??= new Promise((resolve, reject) => {
      const opening = indexedDB.open(NAME, 1);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore("tracks", { keyPath: "id" });
        opening.result.createObjectStore("chunks", { keyPath: ["track", "number"] });
      };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    return this.#opened;
  }

  async #ask(name, mode, request) {
    const database = await this.#database();
    const transaction = database.transaction(name, mode);
    const [answer] = await Promise.all([asked(request(transaction.objectStore(name))), done(transaction)]);
    return answer;
  }
}

function asked(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("It was undone.", "AbortError"));
  });
}
