import { assert, assertEquals, assertExists } from "@std/assert";
import { selectPlatform } from "../../../src/platform/select.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { programCommand } from "../../support/program.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";
import { POSIX, testWith } from "../../support/requirements.ts";

openLibraries();
const platform = selectPlatform();
const CONNECT_ONCE = { fixture: "connect_once.ts", stdin: "piped" } as const;

/** A shell that runs `script` in a session of its own; it ends with its standard input. */
function shell(script: string): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", script],
    detached: true,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  await reader.cancel();
  return value.trim();
}

testWith(
  [POSIX],
  "identifyProcess() identifies this process and not an ended one, with the program's own permissions",
  async () => {
    const own = await platform.identifyProcess(Deno.pid);
    assertExists(own);
    assertEquals(own, await platform.identifyProcess(Deno.pid));
    const child = shell("echo done");
    await firstLine(child);
    await child.stdin.close();
    await child.status;
    assertEquals(await platform.identifyProcess(child.pid), undefined);
  },
);

testWith(
  [POSIX],
  "isDescendant() accepts the process and its grandchildren, and no other process",
  async () => {
    await using child = shell("(cat <&3 & echo $!; wait) 3<&0");
    const grandchild = Number(await firstLine(child));
    const ancestor = await platform.identifyProcess(child.pid);
    assertExists(ancestor);
    assert(platform.isDescendant(child.pid, ancestor));
    assert(platform.isDescendant(grandchild, ancestor));
    assert(!platform.isDescendant(Deno.pid, ancestor));
    assert(!platform.isDescendant(1, ancestor));
    await child.stdin.close();
    await child.status;
    assert(!platform.isDescendant(child.pid, ancestor));
  },
);

testWith([POSIX], "isDescendant() is not misled by a reused pid", async () => {
  await using child = shell("echo ready; cat");
  await firstLine(child);
  const ancestor = await platform.identifyProcess(child.pid);
  assertExists(ancestor);
  assert(!platform.isDescendant(child.pid, { ...ancestor, startTime: "1" }));
  assert(!platform.isDescendant(child.pid, { ...ancestor, bootId: "another" }));
  await child.stdin.close();
});

testWith(
  [POSIX],
  "isDescendant() finds an orphan by the session that its ancestor leads",
  async () => {
    await using child = shell(
      "orphan=$(sh -c 'cat <&3 >/dev/null & echo $!' 3<&0); echo $orphan; cat",
    );
    const orphan = Number(await firstLine(child));
    const ancestor = await platform.identifyProcess(child.pid);
    assertExists(ancestor);
    assert(platform.isDescendant(orphan, ancestor));
    await child.stdin.close();
  },
);

testWith(
  [POSIX],
  "pin() pins a running peer and not an ended one",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("s.sock");
    using listener = Deno.listen({ transport: "unix", path });
    const peers = platform.trackPeers(path);

    await using staying = programCommand([path, "stay"], CONNECT_ONCE).spawn();
    using _first = await listener.accept();
    assertEquals(peers.identify(), { pid: staying.pid, user: platform.userId() });
    using pinned = peers.pin();
    assertExists(pinned);
    assert(pinned.isAlive());
    await staying.stdin.close();
    await staying.stdout.cancel();
    await staying.stderr.cancel();
    await staying.status;
    assert(!pinned.isAlive());

    await using leaving = programCommand([path], CONNECT_ONCE).spawn();
    await leaving.stdin.close();
    await leaving.output();
    using _second = await listener.accept();
    assertEquals(peers.identify()?.pid, leaving.pid);
    assertEquals(peers.pin(), undefined);
  },
);
