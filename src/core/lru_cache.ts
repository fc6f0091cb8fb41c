/** A map of at most `capacity` entries that evicts the least recently used one. */
export class LruCache<Key, Value> {
  readonly #values = new Map<Key, Value>();

  /** @param capacity At least 1. */
  constructor(readonly capacity: number) {}

  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > this.capacity) this.#values.delete(oldest!);
  }
}
