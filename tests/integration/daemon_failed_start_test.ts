// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
/** Daemons that fail to start. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";

const FAILING: Readonly<
  Record<string, readonly [number, string, (harness: DaemonHarness) => unknown]>
> = {
  "whose software is missing": [
    84,
    "start-up failed (core): software not found: ",
    (harness) => Deno.removeSync(harness.at("software")),
  ],
  "whose license is broken": [
    80,
    "start-up failed (core): invalid license file",
    (harness) => Deno.writeTextFileSync(harness.at("K1.lic"), "{"),
  ],
  "whose license server is away": [
    82,
    "start-up failed (core): server unreachable (refused)",
    (harness) => harness.base.stopServer(),
  ],
  "whose PID file is a folder": [
    2,
    "start-up failed (process): PID file cannot be used: ",
    (harness) => Deno.mkdirSync(harness.at("runtime/sentinel/software.pid"), { recursive: true }),
  ],
  "whose log has a folder that cannot be made": [
    2,
    "start-up failed (environment): /",
    (harness) => reconfigure(harness, '"d.log"', `"${"x".repeat(256)}/d.log"`),
  ],
  "whose log is a folder": [
    2,
    "start-up failed (process): log file cannot be opened: ",
    (harness) => Deno.mkdirSync(harness.at("d.log")),
  ],
  "whose limits the system refuses": [
    2,
    "start-up failed (process): limits are refused by the system: limits.open_files = 9007199254740991",
    (harness) => harness.configure({ tables: "[limits]\nopen_files = 9007199254740991" }),
  ],
  "whose working folder is missing": [
    2,
    "start-up failed (daemonise): working directory cannot be entered: ",
    (harness) => harness.configure({ tables: '[process]\nworking_directory = "nowhere"' }),
  ],
};

/** Puts another text into the configuration. */
function reconfigure(harness: DaemonHarness, from: string, to: string): void {
  const path = harness.at("sentinel.toml");
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(from, to));
}

for (const [what, [status, message, spoil]] of Object.entries(FAILING)) {
  Deno.test(`a daemon ${what} does not start, says why, and leaves nothing behind`, async () => {
    await using harness = await DaemonHarness.open();
    await spoil(harness);
    const { code, stdout, stderr } = await harness.daemon("start");
    assertEquals([code, stdout], [status, ""], stderr);
    assertStringIncludes(stderr, `sentinel: error: ${message}`);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    const { code: now } = await harness.daemon("status");
    if (what.includes("PID")) assertEquals(now, 2, "what is there is no PID file");
    else {
      assertEquals(now, 87);
      requireNothingLeft(harness);
    }
  });
}

/** A folder that the start created is removed. */
function requireNothingLeft(harness: DaemonHarness): void {
  assertEquals([...Deno.readDirSync(harness.at("runtime"))], []);
}

Deno.test("SIGTERM during the license server's answer ends the start and leaves nothing behind", async () => {
  await using harness = await DaemonHarness.open();
  await harness.base.stopServer();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: harness.base.port });
  await using daemon = harness.start();
  using _asked = await silent.accept();
  daemon.kill("SIGTERM");
  assertEquals((await daemon.end()).code, 0);
  requireNothingLeft(harness);
});
