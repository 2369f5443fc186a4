/**
 * One meeting's chat as it is known here: pages of the past, what comes in, and what is on its way out.
 * No DOM. Fires `change`; `progress` (detail: what is being sent) of a file; `arrived` (detail: the message) when
 * somebody else has written.
 */

import { randomId } from "../client/backoff.js";
import { Uploads } from "../client/uploads.js";

const PAGE = 50;
const MARK_MS = 1000;
const CATCH_UP_MS = 150; // comings and goings in a burst are read once

export class ChatHistory extends EventTarget {
  #client;
  #byNumber = new Map();
  #timer = null;
  #marked = 0; // how far it was seen here, or on another device
  #marking = null;

  constructor(client, meetingId) {
    super();
    this.#client = client;
    this.meetingId = meetingId;
    this.pending = []; // {id, text, file, share, error}: sent, and not answered yet; `share` of a file is 0…1
    this.unread = 0;
    this.older = null; // cursor of the page before
    this.ready = false;
  }

  get path() {
    return `/meetings/${this.meetingId}/messages`;
  }

  /** In the order of their numbers. */
  get messages() {
    return [...this.#byNumber.values()].sort((one, other) => one.number - other.number);
  }

  get newest() {
    return Math.max(0, ...this.#byNumber.keys());
  }

  async read() {
    const page = await this.#client.get(this.path, { query: { limit: PAGE } });
    this.#byNumber.clear();
    this.older = page.next_cursor;
    this.ready = true;
    this.#take(page);
  }

  async readOlder() {
    if (!this.older) return;
    const page = await this.#client.get(this.path, { query: { limit: PAGE, before: this.older } });
    this.older = page.next_cursor;
    this.#take(page);
  }

  /** What came since, and once more what stands from `from` on. */
  async catchUp(from = this.newest) {
    if (!this.ready) return this.read();
    for (let after = from; after !== null; ) {
      const page = await this.#client.get(this.path, { query: { limit: 200, after } });
      after = page.next_cursor;
      this.#take(page);
    }
  }

  #take({ items, unread, read_up_to: readUpTo }) {
    for (const message of items) this.#note(message);
    this.unread = unread;
    this.#marked = Math.max(this.#marked, readUpTo);
    this.#changed();
  }

  #note(message) {
    const before = this.#byNumber.get(message.number);
    const mine = new Set(before?.reactions.filter((one) => one.mine).map((one) => one.emoji));
    const reactions = message.reactions.map((one) => ({ ...one, mine: one.mine ?? mine.has(one.emoji) }));
    this.#byNumber.set(message.number, { ...message, reactions });
    this.pending = this.pending.filter((one) => one.id !== message.client_ref);
  }

  /** Whatever an inbox brings; what is not about this chat is passed over. */
  hear({ type, meeting_id: meetingId, payload }) {
    if (meetingId !== this.meetingId) return;
    if (type === "chat.message" || type === "chat.updated") this.#onMessage(payload.message, type === "chat.message");
    else if (type === "chat.reaction") this.#onReaction(payload);
    else if (type === "chat.read") this.#onRead(payload);
    else if (type === "chat.cleared") this.#onCleared(payload.up_to);
    else if (type === "chat.activity") this.#soon(Math.min(payload.head - 1, this.newest));
    else if (/^(participant\.(joined|left)|recording\.state)$/.test(type)) this.#soon(); // there is a line about it
  }

  #onMessage(message, isNew) {
    const known = this.#byNumber.has(message.number);
    if (!this.ready || message.number > this.newest + 1) this.#soon(); // lines of the system come without an event
    this.#note(message);
    const byOthers = message.sender?.user_id !== this.#client.user?.id;
    if (isNew && !known && byOthers) {
      this.unread += 1;
      this.dispatchEvent(new CustomEvent("arrived", { detail: message }));
    }
    this.#changed();
  }

  #onReaction({ message_id: id, emoji, count, added, by }) {
    const message = [...this.#byNumber.values()].find((one) => one.id === id);
    if (!message) return;
    const before = message.reactions.find((one) => one.emoji === emoji);
    const mine = by.user_id === this.#client.user?.id ? added : (before?.mine ?? false);
    const now = { emoji, count, mine };
    const reactions = before
      ? message.reactions.map((one) => (one === before ? now : one)).filter((one) => one.count > 0)
      : [...message.reactions, ...(count > 0 ? [now] : [])];
    this.#note({ ...message, reactions });
    this.#changed();
  }

  #onRead({ unread, read_up_to: readUpTo }) {
    if (readUpTo < this.#marked) return;
    this.#marked = readUpTo;
    this.unread = unread;
    this.#changed();
  }

  #onCleared(upTo) {
    for (const number of [...this.#byNumber.keys()]) if (number <= upTo) this.#byNumber.delete(number);
    this.older = null;
    this.unread = 0;
    this.#changed();
    this.#soon(upTo);
  }

  #soon(from) {
    if (!this.ready || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.catchUp(from).catch(() => {}); // the next event, or the next look, reads it
    }, CATCH_UP_MS);
  }

  // What a person does -----------------------------------------------------------------------------------------

  /** It stands among the messages at once; a repeat after a lost answer sends nothing twice. */
  send(text) {
    return this.#start({ id: randomId(), text, file: null });
  }

  sendFile(file) {
    return this.#start({ id: randomId(), text: null, file });
  }

  #start(entry) {
    this.pending = [...this.pending, entry];
    return this.sendAgain(entry);
  }

  async sendAgain(entry) {
    entry.error = null;
    entry.giveUp = new AbortController();
    this.#changed();
    try {
      if (entry.file && !entry.uploadId) entry.uploadId = await this.#upload(entry);
      const { id, text, uploadId } = entry;
      const body = { ...(uploadId ? { upload_id: uploadId } : { text }), client_ref: id };
      this.#note(await this.#client.post(this.path, body, { idempotencyKey: null }));
    } catch (error) {
      entry.error = error;
    }
    this.#changed();
  }

  async #upload(entry) {
    const onProgress = ({ sent, size }) => {
      entry.share = size ? sent / size : 1;
      this.dispatchEvent(new CustomEvent("progress", { detail: entry }));
    };
    entry.share = 0;
    const options = { purpose: "chat_file", onProgress, signal: entry.giveUp.signal };
    return (await new Uploads(this.#client).send(entry.file, options)).id;
  }

  /** The bytes of what a message brought. @returns {Promise<Blob>} */
  file(message) {
    return this.#client.file(`/messages/${message.id}/file`);
  }

  discard(entry) {
    entry.giveUp.abort();
    this.pending = this.pending.filter((one) => one !== entry);
    this.#changed();
  }

  async edit(message, text) {
    this.#note(await this.#client.patch(`/messages/${message.id}`, { text }));
    this.#changed();
  }

  async remove(message) {
    await this.#client.delete(`/messages/${message.id}`);
    this.#note(await this.#client.get(`/messages/${message.id}`));
    this.#changed();
  }

  async react(message, emoji) {
    const mine = message.reactions.some((one) => one.emoji === emoji && one.mine);
    const path = `/messages/${message.id}/reactions/${encodeURIComponent(emoji)}`;
    this.#note(await this.#client.request(mine ? "DELETE" : "PUT", path));
    this.#changed();
  }

  clear() {
    return this.#client.delete(this.path);
  }

  /** Everything that is here was seen. The server is told of a burst once. */
  markRead() {
    if (!this.ready || this.newest <= this.#marked) return;
    this.#marked = this.newest;
    if (this.unread > 0) {
      this.unread = 0;
      this.#changed();
    }
    this.#marking ??= setTimeout(() => {
      this.#marking = null;
      const body = { up_to: this.#marked };
      this.#client.request("PUT", `${this.path}/read`, { body }).catch(() => {}); // the next message marks it
    }, MARK_MS);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
