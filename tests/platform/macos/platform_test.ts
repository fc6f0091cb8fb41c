import { assert, assertEquals, assertExists } from "@std/assert";
import { makeMacos } from "../../../src/platform/macos/platform.ts";
import { resolveSocketPath } from "../../../src/ipc/socket.ts";
import {
  bsdInfo,
  MacosKernel,
  stat64,
  uniqueIdentifierInfo,
  xucred,
} from "../../support/macos_kernel.ts";
import { POSIX, testWith } from "../../support/requirements.ts";

// None of this has run on a Mac: the kernel's answers are laid out by the headers.

const PATH = "/tmp/sentinel-1.soc~";
const PROCESS = { parent: 1, session: 1, startUs: 1_700_000_000_000_001n, uniqueId: 1n };

function machine() {
  const kernel = new MacosKernel();
  return { kernel, platform: makeMacos(() => kernel.lib) };
}

Deno.test("the structures have the sizes that Apple's headers assert", () => {
  assertEquals(xucred(501).length, 76);
  assertEquals(stat64(0o140000, 1).length, 144);
  assertEquals(bsdInfo(1, PROCESS).length, 136);
  assertEquals(uniqueIdentifierInfo(PROCESS).length, 56);
});

Deno.test("identify() finds the peer of the new connection by its inode, even if a descriptor is reused", () => {
  const { kernel, platform } = machine();
  kernel.sockets.set(3, { inode: 10, local: PATH });
  kernel.sockets.set(4, { inode: 11 });
  const peers = platform.trackPeers(PATH);
  kernel.sockets.set(6, { inode: 12, local: PATH, peer: { user: 501, pid: 100 } });
  assertEquals(peers.identify(), { user: "501", pid: 100 });
  assertEquals(peers.identify(), undefined);
  kernel.sockets.set(4, { inode: 13, local: "/tmp/another.sock", peer: { user: 0, pid: 1 } });
  kernel.sockets.set(6, { inode: 14, local: PATH, peer: { user: 502, pid: 101 } });
  assertEquals(peers.identify(), { user: "502", pid: 101 });
});

Deno.test("identify() accepts an address with or without a final NUL, and no longer or shorter one", () => {
  for (const countsNul of [true, false]) {
    const { kernel, platform } = machine();
    kernel.sockets.set(3, { inode: 10, local: PATH, countsNul });
    const peers = platform.trackPeers(PATH);
    const peer = { user: 501, pid: 100 };
    kernel.sockets.set(4, { inode: 11, local: PATH + "x", countsNul, peer: { user: 0, pid: 1 } });
    kernel.sockets.set(5, {
      inode: 12,
      local: PATH.slice(0, -1),
      countsNul,
      peer: { user: 0, pid: 1 },
    });
    kernel.sockets.set(6, { inode: 13, local: PATH, countsNul, peer });
    assertEquals(peers.identify(), { user: "501", pid: 100 });
  }
});

Deno.test("identify() is undefined if the peer has closed or its credentials have another version", () => {
  for (const broken of [{}, { peer: { user: 501, pid: 100 }, credVersion: 1 }]) {
    const { kernel, platform } = machine();
    const peers = platform.trackPeers(PATH);
    kernel.sockets.set(6, { inode: 12, local: PATH, ...broken });
    assertEquals(peers.identify(), undefined);
  }
});

Deno.test("pin() pins a peer by its unique id, not by a reused pid", () => {
  const { kernel, platform } = machine();
  const peers = platform.trackPeers(PATH);
  kernel.sockets.set(6, { inode: 12, local: PATH, peer: { user: 501, pid: 100 } });
  kernel.processes.set(100, { ...PROCESS, uniqueId: 7n });
  peers.identify();
  using pinned = peers.pin();
  assertExists(pinned);
  assert(pinned.isAlive());
  kernel.processes.set(100, { ...PROCESS, uniqueId: 8n });
  assert(!pinned.isAlive());
  kernel.processes.delete(100);
  assertEquals(peers.pin(), undefined);
});

Deno.test("listServers() lists the servers of all connections to the path", () => {
  const { kernel, platform } = machine();
  kernel.sockets.set(5, { inode: 1, remote: PATH, peer: { user: 501, pid: 7 } });
  kernel.sockets.set(6, { inode: 2, remote: "/tmp/another.sock", peer: { user: 0, pid: 1 } });
  kernel.sockets.set(7, { inode: 3, remote: PATH, peer: { user: 502, pid: 8 } });
  assertEquals(platform.listServers(PATH), [{ user: "501", pid: 7 }, { user: "502", pid: 8 }]);
});

Deno.test("identifyProcess() identifies a process by its start in microseconds and the boot, and no zombie", async () => {
  const { kernel, platform } = machine();
  kernel.processes.set(100, PROCESS);
  kernel.processes.set(101, { ...PROCESS, isZombie: true });
  assertEquals(await platform.identifyProcess(100), {
    pid: 100,
    startTime: "1700000000000001",
    bootId: "5E6FFEBE-0000-4000-8000-0123456789AB",
  });
  assertEquals(await platform.identifyProcess(101), undefined);
  assertEquals(await platform.identifyProcess(102), undefined);
  kernel.bootId = undefined;
  assertEquals(await platform.identifyProcess(100), undefined);
});

Deno.test("isDescendant() accepts children, grandchildren and orphans of the session, and no other process", async () => {
  const { kernel, platform } = machine();
  const process = (pid: number, { parent = 1, session = 1, startUs = BigInt(pid) }) =>
    kernel.processes.set(pid, { parent, session, startUs, uniqueId: BigInt(pid) });
  process(100, { session: 100 });
  process(110, { parent: 100, session: 100 });
  process(120, { parent: 110, session: 120 });
  process(130, { parent: 1, session: 100 });
  process(140, { parent: 1, session: 1 });
  process(150, { parent: 100, session: 1, startUs: 50n });
  const ancestor = (await platform.identifyProcess(100))!;
  const admitted = [100, 110, 120, 130, 140, 150].filter((pid) =>
    platform.isDescendant(pid, ancestor)
  );
  assertEquals(admitted, [100, 110, 120, 130]);
  assert(!platform.isDescendant(110, { ...ancestor, startTime: "99" }));
  assert(!platform.isDescendant(110, { ...ancestor, bootId: "another" }));
});

Deno.test("core dumps are disabled and no debugger can attach", () => {
  const { kernel, platform } = machine();
  platform.protectMemory();
  assertEquals(kernel.limits, [[4, [0n, 0n]]]);
  assertEquals(kernel.traced, [31]);
});

Deno.test("isWritable() asks the C library", () => {
  const { kernel, platform } = machine();
  kernel.writable.add("/Users/ada\0");
  assertEquals(["/Users/ada", "/Users"].map(platform.isWritable), [true, false]);
});

Deno.test("a debugger and a preloaded library are detected", async () => {
  const { kernel, platform } = machine();
  const variables: Record<string, string> = {};
  const tamperChecks = await platform.openTamperChecks((name) => variables[name]);
  const look = async () => (await tamperChecks.look()).map(({ kind }) => kind);
  kernel.processes.set(Deno.pid, PROCESS);
  assertEquals(await look(), []);
  kernel.processes.set(Deno.pid, { ...PROCESS, isTraced: true });
  assertEquals(await look(), ["debugger"]);
  variables["DYLD_INSERT_LIBRARIES"] = "/tmp/x.dylib";
  assertEquals(await look(), ["debugger", "preload"]);
});

Deno.test("folders, machine id and maximum path length are those of a Mac", async () => {
  const { platform } = machine();
  const variables = (values: Record<string, string>) => (name: string) => values[name];
  assertEquals(
    platform.defaultStateFolder(variables({ HOME: "/Users/ann" })),
    "/Users/ann/Library/Application Support/sentinel-drm",
  );
  assertEquals(platform.defaultStateFolder(variables({})), undefined);
  assertEquals(platform.runtimeFolder(variables({ XDG_RUNTIME_DIR: "/run/1" })), "/run/1");
  assertEquals(platform.runtimeFolder(variables({ XDG_RUNTIME_DIR: "run" })), undefined);
  assertEquals(await platform.machineId(), "00112233-4455-6677-8899-aabbccddeeff");
  assertEquals(platform.maxSocketPathBytes, 103);
  const path = "/" + "x".repeat(102);
  const maxBytes = platform.maxSocketPathBytes;
  assertEquals(resolveSocketPath({ machineId: "1", path, maxBytes }), path);
});

testWith([POSIX], "signalGroup() tells whether the group exists", async () => {
  const { platform } = machine();
  await using child = new Deno.Command("cat", { detached: true, stdin: "piped" }).spawn();
  assert(platform.signalGroup(child.pid, 0));
  await child.stdin.close();
  await child.status;
  assert(!platform.signalGroup(child.pid, 0));
});

Deno.test("processControl() lists processes and detects a reused pid", async () => {
  const { kernel, platform } = machine();
  kernel.processes.set(100, { parent: 1, session: 100, startUs: 5n, uniqueId: 1n });
  kernel.processes.set(101, { parent: 100, session: 100, startUs: 6n, uniqueId: 2n });
  const control = await platform.processControl();
  const listed = control.list().map(({ pid, parent, session, startTime, state }) => ({
    pid,
    parent,
    session,
    startTime,
    state,
  }));
  assertEquals(listed, [
    { pid: 100, parent: 1, session: 100, startTime: "5", state: "alive" },
    { pid: 101, parent: 100, session: 100, startTime: "6", state: "alive" },
  ]);
  assertEquals(control.identify(101)?.startTime, "6");
  assertEquals(control.signal({ pid: 101, startTime: "7" }, "SIGTERM"), "gone");
  assertEquals(control.identify(102), undefined);
});

Deno.test("readBootClock() reads the clock that cannot be set, and the boot id", () => {
  const { kernel, platform } = machine();
  assertEquals(platform.readBootClock(), { bootId: kernel.bootId!, bootMs: 1_234_567 });
});
