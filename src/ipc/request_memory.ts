import type { PlainMethod } from "./service.ts";

/** A longer request is not remembered. */
const MAX_BYTES = 128;
/** As many ways of writing a request as the clients of one server are likely to have. */
const SLOTS = 8;

/**
 * Plain requests (no `id`, no `params`) as they were written: clients send the same bytes again and again, and the next
 * copy needs no parsing.
 */
export class RequestMemory {
  readonly #slots: { bytes: Uint8Array; method: PlainMethod }[] = [];
  #next = 0;

  /** The method of a request with these very bytes, where one was seen. */
  find(bytes: Uint8Array, from: number, to: number): PlainMethod | undefined {
    for (const slot of this.#slots) {
      if (slot.bytes.length === to - from && startsWith(bytes, from, slot.bytes)) {
        return slot.method;
      }
    }
    return undefined;
  }

  /** Remembers a request; the oldest makes room. */
  keep(bytes: Uint8Array, method: PlainMethod): void {
    if (bytes.length > MAX_BYTES) return;
    this.#slots[this.#next] = { bytes: bytes.slice(), method };
    this.#next = (this.#next + 1) % SLOTS;
  }
}

function startsWith(bytes: Uint8Array, from: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}
