/**
 * A value that all windows of this browser share. It lies in IndexedDB: what one window has written there, the next one
 * reads. localStorage promises no such thing between windows that run in processes of their own.
 */
export class SharedValue {
  #database = null;

  constructor(name) {
    this.name = name;
  }

  /** @returns {Promise<any>} null where there is none, or where the browser keeps nothing */
  async read() {
    return (await this.#run("readonly", (values) => values.get(this.name)).catch(() => null)) ?? null;
  }

  /** @returns {Promise<boolean>} false: this browser keeps nothing */
  async write(value) {
    return this.#run("readwrite", (values) => values.put(value, this.name)).then(
      () => true,
      () => false,
    );
  }

  async remove() {
    await this.#run("readwrite", (values) => values.delete(this.name)).catch(() => {});
  }

  async #run(mode, work) {
    this.#database ??= open();
    const transaction = (await this.#database).transaction("values", mode, { durability: "strict" });
    const request = work(transaction.objectStore("values"));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("parley", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("values");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
