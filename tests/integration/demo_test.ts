// Not on Windows: the software is a shell script.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { NEEDS_ROOT } from "../support/requirements.ts";
import { LineReader } from "../support/program.ts";
import { within } from "../support/patience.ts";

const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));

/** `deno task demo`, with unrelated settings. */
function startDemo(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "demo"],
    cwd: ROOT,
    env: { SENTINEL_LICENSE: "/somebody/elses.lic", TMPDIR: "/tmp/" + "long".repeat(30) },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function folderIn(story: string): string {
  return /in (\/tmp\/sentinel-demo-\w+)/.exec(story)![1]!;
}

/** What a demo left: its folder, and processes that have the folder in their environment. */
async function leftIn(folder: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'ls -d "$0"; grep -ls -- "=$0" /proc/[0-9]*/environ', folder],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
}

/** Lines that the demo must print, in this order. */
const STORY = [
  "$ sentinel vendor keygen --out keys\n",
  "private key written to keys/org_private_key.pem",
  "$ sentinel vendor serve --key keys/org_private_key.pem --database vendor.db --port 0\n",
  "listening on http://127.0.0.1:",
  "$ sentinel vendor issue ",
  "license ROCKET-1 written to rocket.lic and registered in vendor.db",
  "in the demo a minute takes a second",
  "$ sentinel run --license rocket.lic --software ./rocket ",
  "machine activated",
  "rocket: licensed to acme until 2",
  '{"seats":5}',
  "$ sentinel ipc status\n",
  '"license_status": "ACTIVE"',
  "$ sentinel vendor revoke ROCKET-1 --database vendor.db\n",
  "stopping the software: license has been revoked",
  "rocket: stopping",
  "sentinel: error: license has been revoked",
  "exit status 81",
];

Deno.test("two concurrent demos each run completely, without color, and leave nothing behind", async () => {
  const demos = await within(
    Promise.all([startDemo().output(), startDemo().output()]),
    () => "a demo goes on",
  );
  for (const { code, stdout, stderr } of demos) {
    const text = new TextDecoder().decode(stdout);
    assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" }, text);
    let at = 0;
    for (const piece of STORY) {
      assertStringIncludes(text.slice(at), piece);
      at = text.indexOf(piece, at) + piece.length;
    }
    // of a busy machine the heartbeat may come before the status that was asked for
    assertMatch(text, /rocket: flying[^]*heartbeat: ACTIVE[^]*\$ sentinel vendor revoke/);
    // deno-lint-ignore no-control-regex -- the beginning of a color
    assert(!/\x1b/.test(text), text);
    assertEquals(await leftIn(folderIn(text)), []);
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`a demo ended by ${signal} in the middle stops its programs and leaves nothing`, async () => {
    await using demo = startDemo();
    const [stdout, stderr] = [new LineReader(demo.stdout), new LineReader(demo.stderr)];
    await stdout.match(/rocket: flying/);
    const folder = folderIn(stdout.text);
    const there = await leftIn(folder);
    // another process of the same user cannot read the environment of one that protects its memory
    const least = NEEDS_ROOT.met ? 4 : 3;
    assert(there.length >= least, `folder, server, sentinel and software: ${there}`);
    demo.kill(signal);
    await Promise.all([demo.status, stdout.ended, stderr.ended]);
    assertMatch(stdout.text, /rocket: stopping/);
    assertEquals(await leftIn(folder), []);
  });
}

Deno.test("a demo whose reader disconnects leaves nothing behind", async () => {
  await using demo = startDemo();
  const reader = demo.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  await demo.stderr.cancel();
  await demo.status;
  assertEquals(await leftIn(folderIn(new TextDecoder().decode(value))), []);
});
