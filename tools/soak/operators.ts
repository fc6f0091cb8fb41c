import { systemClock } from "../../src/core/clock.ts";
import { fromFileUrl } from "@std/path";
import { programCommand } from "../../tests/support/program.ts";

/** Bytes of a stream, as a digest tells them. */
export interface Received {
  readonly bytes: number;
  readonly sha256: string;
}

/** What an operator's `stream` of one process brought, however it ended. */
export interface Watched {
  readonly id: string;
  readonly code: number;
  readonly stdout: Received;
  readonly stderr: Received;
}

export interface OperatorOptions {
  readonly certificate: string;
  readonly key: string;
  readonly certificateAuthority: string;
  readonly port: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly env: Readonly<Record<string, string>>;
}

const SCRIPT = fromFileUrl(new URL("../../tests/fixtures/recorded_lines.sh", import.meta.url));
const MOST_LINES = 6_000;
const REST_MS = 500;

/** So many of the processes are not left to end by themselves. */
const STOPPED = 0.25;

/** Its own notes, such as that output is missing, are none of the process's bytes. */
const NOTE = /^sentinel: .*\n/gm;

/** Somebody who has processes started and watches them, one after the other, with `sentinel client`. */
export class Operator {
  readonly watched: Watched[] = [];
  readonly #options: OperatorOptions;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Goes on until aborted; each process is watched twice, as a second look must show no less. Some are stopped. */
  async work(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    while (!signal.aborted) {
      const id = await this.#start();
      const stopping = id !== undefined && random() < STOPPED && this.#ask("stop", id);
      for (let look = 0; look < 2 && id !== undefined && !signal.aborted; look++) {
        this.watched.push(await this.#watch(id));
      }
      await stopping;
      await systemClock.sleep(REST_MS, signal);
    }
  }

  /** `undefined` where nobody answered, which is no reason that it was not started. */
  async #start(): Promise<string | undefined> {
    const { random } = this.#options;
    const tag = `t${Math.floor(random() * 1e9)}`, lines = Math.floor(random() * MOST_LINES);
    const { code, stdout } = await this.#ask("start", "/bin/sh", SCRIPT, tag, String(lines));
    return code === 0 ? new TextDecoder().decode(stdout).trim() : undefined;
  }

  async #watch(id: string): Promise<Watched> {
    const { code, stdout, stderr } = await this.#ask("stream", id);
    const own = new TextDecoder().decode(stderr).replaceAll(NOTE, "");
    return {
      ...{ id, code },
      stdout: await receive(stdout),
      stderr: await receive(new TextEncoder().encode(own)),
    };
  }

  async #ask(...args: string[]): Promise<Deno.CommandOutput> {
    const { certificate, key, certificateAuthority, port, env } = this.#options;
    return await programCommand([
      ...["client", "-c", certificate, "-k", key, "-C", certificateAuthority],
      ...["-a", "127.0.0.1", "-p", String(port()), ...args],
    ], { env }).output();
  }
}

/** What these bytes are known by. */
export async function receive(bytes: Uint8Array<ArrayBuffer>): Promise<Received> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return { bytes: bytes.length, sha256: new Uint8Array(digest).toHex() };
}
