// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { arrange } from "../support/diagnosis.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { runProgram } from "../support/program.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const USAGE: [string, string[], string][] = [
  ["no license", ["run"], "--license is required (FILE: the license file)"],
  [
    "no software",
    ["run", "--license", "x"],
    "--software is required (FILE: the program to launch)",
  ],
  ["a value that is missing", ["run", "--license"], "option --license needs a value (FILE)"],
  [
    "an option that is misspelt",
    ["run", "--lisence", "x"],
    "unknown option: --lisence (did you mean --license?)",
  ],
  ["a command that is misspelt", ["rnu"], "unknown command: rnu (did you mean run?)"],
  [
    "half a command",
    ["vendor", "isue"],
    "unknown command: vendor isue (did you mean vendor issue?)",
  ],
  ["an argument too many", ["run", "x"], "unexpected argument: x"],
  [
    "a level that does not exist",
    ["run", "--log-level", "loud"],
    "--log-level must be one of debug, info, warn, error: current value is loud",
  ],
];

for (const [what, args, line] of USAGE) {
  Deno.test(`${what} is a usage error: ${line}`, async () => {
    assertEquals(await runProgram(args), {
      code: 2,
      stdout: "",
      stderr: `sentinel: error: ${line}\n`,
    });
  });
}

Deno.test("help goes to standard output and ends with 0", async () => {
  for (const args of [["--help"], [], ["run", "--help"], ["vendor", "--help"], ["vendor"]]) {
    const { code, stdout, stderr } = await runProgram(args);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assert(stdout.startsWith("Usage: sentinel"), stdout);
  }
});

Deno.test("variables stand in for options, and an unknown one is warned of", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await runProgram([], {
    env: {
      SENTINEL_LICENSE: folder.at("none"),
      SENTINEL_LISENCE: "x",
      SENTINEL_SOFTWARE: "/bin/true",
      SENTINEL_ORG_KEY: folder.at("key"),
    },
  });
  assertEquals(code, 2);
  const [warning, error] = stderr.trimEnd().split("\n");
  assert(
    warning!.endsWith(
      "WARNING: unknown variable: SENTINEL_LISENCE (did you mean SENTINEL_LICENSE?)",
    ),
    warning,
  );
  assertEquals(
    error,
    `sentinel: error: organization key cannot be read: ${folder.at("key")} (not found)`,
  );
});

const SOFTWARE: [string, (harness: RunHarness) => Promise<string>, (path: string) => string][] = [
  [
    "is not there",
    (harness) => Promise.resolve(harness.folder.at("none")),
    (path) => `software not found: ${path}`,
  ],
  [
    "is a folder",
    (harness) => Promise.resolve(harness.folder.path),
    (path) => `software is not a file: ${path}`,
  ],
  [
    "may not be executed",
    async (harness) => {
      await Deno.writeTextFile(harness.folder.at("text"), "x", { mode: 0o644 });
      return harness.folder.at("text");
    },
    (path) => `software is not executable: ${path} (chmod +x it)`,
  ],
];

for (const [what, make, line] of SOFTWARE) {
  Deno.test(`software that ${what} ends the run with 84 and leaves no socket behind`, async () => {
    await using harness = await RunHarness.open();
    const path = await make(harness);
    const { code, stderr } = await harness.run(path);
    assertEquals(code, 84);
    assert(stderr.endsWith(`sentinel: error: ${line(path)}\n`), stderr);
    assertEquals(await harness.sockets(), []);
  });
}

Deno.test("software whose checksum is not the license's is not launched", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", "echo launched");
  await harness.issue("K2", "--checksum", software);
  assertEquals((await harness.run(software, { license: "K2" })).stdout, "launched\n");
  await harness.script("software", "echo cracked");
  const { code, stdout, stderr } = await harness.run(software, { license: "K2" });
  assertEquals({ code, stdout }, { code: 84, stdout: "" });
  assert(stderr.includes(`software checksum mismatch: ${software}`), stderr);
});

Deno.test("a state folder that is a file is a clear line", async () => {
  await using harness = await RunHarness.open();
  await Deno.writeTextFile(harness.folder.at("state"), "");
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 2);
  assertEquals(
    stderr,
    `sentinel: error: state folder is not a folder: ${harness.folder.at("state")}\n`,
  );
});

testWith([POSIX], "a state folder that nothing can be written into is a clear line", async () => {
  await using harness = await RunHarness.open();
  const { code, stdout, stderr } = await harness.run("/bin/true", {
    // no file may grow, as on a full disk (setrlimit(2), RLIMIT_FSIZE)
    wrapper: ["sh", "-c", `trap "" XFSZ; ulimit -f 0; exec "$@"`, "sh"],
  });
  const line = `state folder cannot be used: ${harness.folder.at("state")} (`;
  assert(stderr.includes(`sentinel: error: ${line}File too large`), stderr);
  // its lock is written first, and nothing is tried without
  assert(!stderr.includes("keystore"), stderr);
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
});

/** What a license and an option say of the server, and what is said of that. */
const SERVERS: [string, string | undefined, string[], string][] = [
  ["a server nowhere", undefined, [], "--server-url is required for STANDARD licenses"],
  [
    "a server that is none",
    "http://127.0.0.1:1",
    ["--server-url", "ftp://x"],
    "--server-url must be an http(s) URL: current value is ftp://x",
  ],
];

for (const [what, serverUrl, options, line] of SERVERS) {
  Deno.test(`a STANDARD license with ${what} ends the run with 2 and creates no state`, async () => {
    await using folder = await temporaryFolder();
    const payload = standardPayload({ server_url: serverUrl });
    const args = await arrange(folder, await makeOrganization(), payload);
    const run = ["run", "--software", "/bin/true", ...args, ...options];
    const { code, stderr } = await runProgram(run, { env: { XDG_RUNTIME_DIR: folder.path } });
    assertEquals([code, stderr], [2, `sentinel: error: ${line}\n`]);
    const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
    assertEquals(names.sort(), ["a.lic", "org.pem"]);
  });
}
