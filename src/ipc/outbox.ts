import { joinBytes } from "../core/files.ts";
import type { Host } from "../platform/host.ts";
import type { LocalConn } from "../platform/local_socket.ts";

interface OutboxOptions extends Pick<Host, "clock"> {
  /** Timeout of the write of a batch, in milliseconds. */
  readonly timeoutMs: number;
  /** Called when {@linkcode Outbox.deadlineMs} is set. */
  onWait(): void;
}

/** Most queued bytes; a peer with more queued does not read. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** Output of a connection: answers are written in batches, events are queued behind them. */
export class Outbox {
  /** Deadline of the current write; Infinity if there is none. */
  deadlineMs = Infinity;
  /** Size of the current batch. */
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

  /** Adds an answer to the batch. */
  add(bytes: Uint8Array): void {
    this.#batch.push(bytes);
    this.batchBytes += bytes.length;
  }

  /** Queues the batch; resolves when everything queued is written, rejects if the peer has disconnected. */
  flush(): Promise<void> {
    if (this.batchBytes > 0) {
      this.#enqueue(this.#batch.length === 1 ? this.#batch[0]! : joinBytes(this.#batch));
    }
    this.#batch = [];
    this.batchBytes = 0;
    return this.#write();
  }

  /** Queues bytes without waiting; false if too much is queued already. */
  offer(bytes: Uint8Array): boolean {
    if (this.#queuedBytes + bytes.length > MAX_BACKLOG_BYTES) return false;
    this.#enqueue(bytes);
    // the next read reports a disconnected peer
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
