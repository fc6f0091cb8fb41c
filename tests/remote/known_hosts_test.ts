// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { openKnownHosts } from "../../src/remote/known_hosts.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("a server is remembered from its first use, by address and port", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("sub/known_hosts");
  const hosts = openKnownHosts(path);
  assertEquals(await hosts.check("[::1]:1", "AA"), "first");
  assertEquals(await hosts.check("[::1]:1", "AA"), "same");
  assertEquals(await hosts.check("[::1]:2", "BB"), "first");
  assertEquals(await openKnownHosts(path).check("[::1]:1", "BB"), "changed");
  assertEquals(await hosts.check("[::1]:1", "AA"), "same");
  assertEquals(await Deno.readTextFile(path), "[::1]:1 AA\n[::1]:2 BB\n");
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("servers of concurrent connections are all remembered", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("known_hosts");
  const names = Array.from({ length: 20 }, (_, i) => `host:${i}`);
  await Promise.all(names.map((name) => openKnownHosts(path).check(name, name)));
  const again = names.map((name) => openKnownHosts(path).check(name, name));
  assertEquals(new Set(await Promise.all(again)), new Set(["same"]));
});

Deno.test("comments and empty lines of a known-hosts file are ignored", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("known_hosts"), "# mine\n\nhost:1 AA\n");
  assertEquals(await openKnownHosts(folder.at("known_hosts")).check("host:1", "BB"), "changed");
});

for (
  const [what, path, make] of [
    ["that is a folder", "known_hosts", (path: string) => Deno.mkdir(path)],
    [
      "whose folder is a file",
      "file/known_hosts",
      (path: string) => Deno.writeTextFile(path.replace("/known_hosts", ""), ""),
    ],
  ] as const
) {
  Deno.test(`a known-hosts file ${what} is an error`, async () => {
    await using folder = await temporaryFolder();
    await make(folder.at(path));
    const hosts = openKnownHosts(folder.at(path));
    const { code, message } = await assertRejects(() => hosts.check("h:1", "AA"), SentinelError);
    assertEquals(code, "config.known_hosts");
    assertMatch(message, /^known-hosts file cannot be used: .*(?:directory|folder|file)/i);
  });
}
