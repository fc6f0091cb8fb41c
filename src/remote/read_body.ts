import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import { problem } from "./problem.ts";
import type { Checked } from "./requests.ts";

const TOO_LARGE = { problem: problem(413, "the body exceeds 1 MiB") };

/**
 * A request's body, whatever its headers say: at most {@linkcode MAX_BODY_BYTES}, and given up where it takes longer than
 * `timeoutMs`. After a problem the connection is of no further use.
 */
export async function readBody(
  request: IncomingMessage,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return TOO_LARGE;
  const arrived = new AbortController();
  const late = clock.sleep(timeoutMs, arrived.signal).then(() => ({
    problem: problem(408, "the body did not arrive in time"),
  }));
  try {
    return await Promise.race([collect(request), late]);
  } finally {
    arrived.abort();
  }
}

function collect(request: IncomingMessage): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    request.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
      else resolve(TOO_LARGE);
    });
    request.on("end", () => resolve({ value: Buffer.concat(chunks) }));
    const broken = () => resolve({ problem: problem(400, "the body did not arrive whole") });
    request.on("error", broken);
    request.on("close", broken);
    // whoever is gone by now is not told of once more
    if (request.destroyed) broken();
  });
}
