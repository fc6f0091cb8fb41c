// Not on Windows: the remote server is not held to it yet.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { OutputItem } from "../../src/core/output_item.ts";
import type { OutputRequest } from "../../src/remote/processes.ts";
import { readFrames } from "../support/read_frames.ts";
import { testServed } from "../support/served_processes.ts";

const UTF8 = new TextEncoder();

const bytes = (stream: "stdout" | "stderr", text: string): OutputItem => ({
  kind: "bytes",
  stream,
  offset: 0,
  bytes: UTF8.encode(text),
});

async function* give(...items: OutputItem[]): AsyncGenerator<OutputItem> {
  yield* items;
  yield { kind: "end", at: 0 };
}

/** Endless output; `taken` counts the requested items, `isOver` says that the reader has stopped. */
class Flood {
  taken = 0;
  readonly over = Promise.withResolvers<void>();

  constructor(readonly pieceBytes: number) {}

  async *items({ signal }: OutputRequest): AsyncGenerator<OutputItem> {
    try {
      while (!signal.aborted) {
        this.taken++;
        yield {
          kind: "bytes",
          stream: "stdout",
          offset: 0,
          bytes: new Uint8Array(this.pieceBytes),
        };
      }
    } finally {
      this.over.resolve();
    }
  }
}

testServed(
  "output is sent frame by frame, and its end with the process's",
  async (served, processes) => {
    processes.items = () =>
      give(bytes("stdout", "one"), bytes("stderr", "two"), bytes("stdout", "three"));
    processes.end("1", { state: "exited", exitCode: 3 });
    const response = await served.fetch("/v1/processes/1/output?follow=1");
    assertEquals(response.headers.get("content-type"), "application/vnd.docker.multiplexed-stream");
    const { stdout, stderr, control } = await readFrames(response);
    assertEquals([stdout, stderr], ["onethree", "two"]);
    assertEquals(control, [{ end: (await served.ask("/v1/processes/1")).body }]);
  },
);

testServed("a single stream can be sent, with control frames", async (served, processes) => {
  processes.end("1", { state: "exited", exitCode: 0 });
  processes.items = () => give(bytes("stdout", "one"), bytes("stderr", "two"));
  const { stdout, stderr, control } = await readFrames(
    await served.fetch("/v1/processes/1/output?stream=stderr"),
  );
  assertEquals([stdout, stderr, control.length], ["", "two", 1]);
});

testServed("gaps and the end of a recording are sent in place", async (served, processes) => {
  processes.items = () =>
    give({ kind: "gap", from: 0, to: 9 }, bytes("stdout", "x"), {
      kind: "fault",
      at: 10,
      message: "disk full",
    });
  const { stdout, control } = await readFrames(await served.fetch("/v1/processes/1/output"));
  assertEquals(stdout, "x");
  assertEquals(control.slice(0, 2), [
    { gap: { from: 0, to: 9 } },
    { fault: { at: 10, message: "disk full" } },
  ]);
  assertEquals((control[2]!["end"] as { state: string }).state, "running");
});

testServed("offset and follow are passed to the output", async (served, processes) => {
  const asked: [number, boolean][] = [];
  processes.items = ({ from, follow }) => {
    asked.push([from, follow]);
    return give();
  };
  await readFrames(await served.fetch("/v1/processes/1/output"));
  await readFrames(await served.fetch("/v1/processes/1/output?offset=7&follow=0&stream=both"));
  processes.end("1", { state: "stopped" });
  await readFrames(await served.fetch("/v1/processes/1/output?follow=1"));
  assertEquals(asked, [[0, false], [7, false], [0, true]]);
});

testServed(
  "the answer begins before the first byte of output exists",
  async (served, processes) => {
    const first = Promise.withResolvers<OutputItem>();
    processes.items = async function* () {
      yield await first.promise;
      yield { kind: "end", at: 0 };
    };
    const response = await served.fetch("/v1/processes/1/output");
    first.resolve(bytes("stdout", "late"));
    assertEquals((await readFrames(response)).stdout, "late");
  },
);

testServed(
  "no output is read ahead for a stalled reader, and it delays no other",
  async (served, processes) => {
    const floods: Flood[] = [];
    processes.items = (request) => {
      const flood = new Flood(65_536);
      floods.push(flood);
      return flood.items(request);
    };
    using stalled = await served.connect();
    await stalled.send("GET /v1/processes/1/output HTTP/1.1\r\nHost: a\r\n\r\n");
    await stalled.read(/\r\n\r\n/);
    using reader = await served.connect();
    await reader.send("GET /v1/processes/1/output HTTP/1.1\r\nHost: a\r\n\r\n");
    const buffer = new Uint8Array(65_536);
    for (let read = 0; read < 64 * 2 ** 20;) read += (await reader.conn.read(buffer))!;
    // what the system buffers of both ends, and no more
    assert(floods[0]!.taken < 256, `${floods[0]!.taken} pieces were taken`);
    stalled[Symbol.dispose]();
    await floods[0]!.over.promise;
  },
);

testServed(
  "a reader that disconnects during the stream ends the reading",
  async (served, processes) => {
    const flood = new Flood(1024);
    processes.items = (request) => flood.items(request);
    {
      using raw = await served.connect();
      await raw.send("GET /v1/processes/1/output?follow=1 HTTP/1.1\r\nHost: a\r\n\r\n");
      await raw.read(/\r\n\r\n/);
    }
    await flood.over.promise;
    assertEquals((await served.ask("/healthz")).status, 200);
  },
);

testServed("a waiting reader that disconnects ends the reading", async (served, processes) => {
  const over = Promise.withResolvers<void>();
  processes.items = async function* ({ signal }) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    over.resolve();
    yield { kind: "end", at: 0 };
  };
  {
    using raw = await served.connect();
    await raw.send("GET /v1/processes/1/output?follow=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await raw.read(/\r\n\r\n/);
  }
  await over.promise;
});

testServed(
  "a reader above the limit is refused until another one ends",
  async (served, processes) => {
    const flood = new Flood(65_536);
    processes.items = (request) => flood.items(request);
    {
      using raw = await served.connect();
      await raw.send("GET /v1/processes/1/output HTTP/1.1\r\nHost: a\r\n\r\n");
      await raw.read(/\r\n\r\n/);
      const answer = await served.ask("/v1/processes/1/output");
      assertEquals([answer.status, answer.body.detail], [
        429,
        "too many readers of output (limit: 1)",
      ]);
    }
    await flood.over.promise;
    processes.items = () => give();
    assertMatch((await served.ask("/v1/processes/1/output")).body, /"end"/);
  },
  { readers: 1 },
);

testServed(
  "a fault in the middle of a stream cuts it off without an end",
  async (served, processes) => {
    processes.items = async function* () {
      yield bytes("stdout", "x");
      throw new Error("no more");
    };
    const response = await served.fetch("/v1/processes/1/output");
    const cut = await readFrames(response).then(() => "whole", () => "cut");
    assertEquals(cut, "cut");
    assertEquals(served.fixture.log.lines("error"), ["error remote request failed: no more"]);
  },
);
