import { MAX_BODY_BYTES } from "../activation/messages.ts";
import type { Clock } from "../core/clock.ts";
import { joinBytes } from "../core/join_bytes.ts";
import type { Checked } from "./checks.ts";
import { REFUSALS } from "./refusals.ts";

/** How long a request's body may take to arrive; a client that stalls would hold up the server's shutdown, too. */
const BODY_DEADLINE_MS = 10_000;

/** Without a reason of our own each abort() would build an error with its stack. */
const ARRIVED = "arrived";

/** The request's body, at most 1 MiB of it, whatever its headers say; given up when it does not arrive in time. */
export async function readBody(
  request: Request,
  clock: Clock,
): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) {
    return { refusal: REFUSALS.bodyTooLarge };
  }
  const reader = request.body?.getReader();
  if (reader === undefined) return { value: new Uint8Array() };
  using deadline = startDeadline(clock, () => void reader.cancel().catch(() => undefined));
  try {
    const value = await readBounded(reader);
    if (deadline.isOver()) return { refusal: REFUSALS.bodyTimeout };
    return value === undefined ? { refusal: REFUSALS.bodyTooLarge } : { value };
  } catch {
    return { refusal: REFUSALS.bodyBroken };
  }
}

async function readBounded(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  while (true) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MAX_BODY_BYTES) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  return joinBytes(chunks);
}

function startDeadline(
  clock: Clock,
  expire: () => void,
): Disposable & { isOver(): boolean } {
  const stop = new AbortController();
  let isOver = false;
  clock.sleep(BODY_DEADLINE_MS, stop.signal).then(() => {
    if (stop.signal.aborted) return;
    isOver = true;
    expire();
  });
  return { isOver: () => isOver, [Symbol.dispose]: () => stop.abort(ARRIVED) };
}
