/** A map of at most `capacity` entries that evicts the least recently used one. */
export class LruCache<Key, Value> {
  readonly #values = new Map<Key, Value>();

  /**
   * @param capacity At least 1.
   * @param release Called with each value that is evicted or cleared.
   */
  constructor(readonly capacity: number, readonly release: (value: Value) => void = () => {}) {}

  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.capacity) return;
    const [oldest] = this.#values;
    this.#values.delete(oldest![0]);
    this.release(oldest![1]);
  }

  clear(): void {
    for (const value of this.#values.values()) this.release(value);
    this.#values.clear();
  }
}
