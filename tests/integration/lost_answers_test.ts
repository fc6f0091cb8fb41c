// Not on Windows: a signal causes a heartbeat.
import { assertEquals } from "@std/assert";
import { writeAll } from "../../src/core/files.ts";
import { within } from "../support/patience.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";

/** Between a machine and the license server: passes requests on, and may keep the answer to one. */
class Relay implements AsyncDisposable {
  /** For the next answer: `cut` closes the connection in its place, `hold` keeps it open without it. */
  next: "pass" | "cut" | "hold" = "pass";
  /** Resolves when the server has given the answer that was not passed on. */
  kept = Promise.withResolvers<void>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #serving: Promise<unknown>;

  constructor(port: number) {
    this.#serving = this.#serve(port);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  async #serve(port: number): Promise<void> {
    const relayed: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#connections.add(client).add(server);
      const close = () => [client, server].forEach((end) => this.#close(end));
      for (const passing of [copy(client, server), this.#passAnswers(server, client)]) {
        relayed.push(passing.catch(() => {}).finally(close));
      }
    }
    await Promise.all(relayed);
  }

  async #passAnswers(server: Deno.TcpConn, client: Deno.TcpConn): Promise<void> {
    for await (const chunk of chunks(server)) {
      const { next } = this;
      if (next === "pass") {
        await writeAll(client, chunk);
        continue;
      }
      this.next = "pass";
      this.kept.resolve();
      if (next === "cut") return;
    }
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) this.#close(connection);
    await this.#serving;
  }
}

async function* chunks(from: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await from.read(buffer);
    if (length === null) return;
    yield buffer.slice(0, length);
  }
}

async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  for await (const chunk of chunks(from)) await writeAll(to, chunk);
}

testWith(
  [POSIX],
  "a machine that loses answers, and is killed before it saves one, does not look like two",
  async () => {
    await using harness = await RunHarness.open("--heartbeat-minutes", "60");
    await using relay = new Relay(harness.port);
    const software = await harness.script("software", "exec sleep 1000 >/dev/null 2>&1");
    const env = { SENTINEL_SERVER_URL: relay.url };
    for (let start = 0; start < 3; start++) {
      await using run = harness.start(software, { env });
      await run.stderr.match(/software launched/);
      relay.next = "cut";
      run.kill("SIGUSR2");
      await run.stderr.match(/(heartbeat: ACTIVE[^]*){2}/);
      relay.kept = Promise.withResolvers();
      relay.next = "hold";
      run.kill("SIGUSR2");
      await within(relay.kept.promise, () => `no answer came:\n${run.stderr.text}`);
      run.kill("SIGKILL");
      await run.end();
    }
    // stops the software that the last one left behind
    assertEquals((await harness.run("/bin/true", { env })).code, 0);
    const listing = await harness.vendor(
      "list",
      "--json",
      "--database",
      harness.folder.at("vendor.db"),
    );
    const [{ machines }] = JSON.parse(listing).licenses;
    assertEquals(machines.length, 1);
    assertEquals(machines[0].copies_seen_at, null);
  },
);
