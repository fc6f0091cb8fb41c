import { joinBytes } from "../core/files.ts";
import type { Host } from "../platform/host.ts";
import type { LocalConn } from "../platform/local_socket.ts";

interface OutboxOptions extends Pick<Host, "clock"> {
  /** How long one batch may take to be written, in milliseconds. */
  readonly timeoutMs: number;
  /** Called when {@linkcode Outbox.deadlineMs} was set. */
  onWait(): void;
}

/** A peer that has so many bytes of events waiting for it does not read. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** What one connection is to be sent: answers are gathered into batches of one write each, events queue behind them. */
export class Outbox {
  /** When the write under way ends at the latest; Infinity where none is. */
  deadlineMs = Infinity;
  /** Bytes of the batch that is being gathered. */
  batchBytes = 0;
  readonly #conn: LocalConn;
  readonly #options: OutboxOptions;
  #batch: Uint8Array[] = [];
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(conn: LocalConn, options: OutboxOptions) {
    this.#conn = conn;
    this.#options = options;
  }

  /** Puts an answer into the batch. */
  add(bytes: Uint8Array): void {
    this.#batch.push(bytes);
    this.batchBytes += bytes.length;
  }

  /** Queues the batch; resolves when everything queued is written, rejects when the peer is gone. */
  flush(): Promise<void> {
    if (this.batchBytes > 0) {
      this.#enqueue(this.#batch.length === 1 ? this.#batch[0]! : joinBytes(this.#batch));
    }
    this.#batch = [];
    this.batchBytes = 0;
    return this.#write();
  }

  /** Queues bytes without waiting for them; false where too much is queued already. */
  offer(bytes: Uint8Array): boolean {
    if (this.#queuedBytes + bytes.length > MAX_BACKLOG_BYTES) return false;
    this.#enqueue(bytes);
    // that the peer is gone shows at the next read
    this.#write().catch(() => {});
    return true;
  }

  #enqueue(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  #write(): Promise<void> {
    if (this.#queue.length === 0 && this.#writing === undefined) return Promise.resolve();
    return this.#writing ??= this.#writeQueue();
  }

  async #writeQueue(): Promise<void> {
    const { clock, timeoutMs, onWait } = this.#options;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (timeoutMs > 0) {
          this.deadlineMs = clock.monotonicMs() + timeoutMs;
          onWait();
        }
        this.#queuedBytes -= next.length;
        let written = 0;
        while (written < next.length) {
          written += await this.#conn.write(written === 0 ? next : next.subarray(written));
        }
      }
    } finally {
      this.deadlineMs = Infinity;
      this.#writing = undefined;
    }
  }
}
