// Not on Windows: the software is a shell script.
/** Doctor asks what a run will ask: it ends with the same exit status, and changes nothing. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { arrange, diagnose, findCheck, snapshot } from "../support/diagnosis.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { NOBODY } from "../support/daemon_of_nobody.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { runProgram } from "../support/program.ts";
import { programForAll } from "../support/program_for_all.ts";
import { testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const SOFTWARE = "/bin/true";

/** The options with which the harness runs. */
function optionsOf(harness: RunHarness, software = SOFTWARE): string[] {
  return [
    ...["--license", harness.folder.at("K1.lic"), "--software", software],
    ...["--org-key", harness.folder.at("org_public_key.pem")],
    ...["--state-dir", harness.folder.at("state")],
  ];
}

interface Case {
  /** Puts a customer that has run once in this situation. */
  arrange(harness: RunHarness): Promise<unknown>;
  readonly check: string;
  readonly found: RegExp;
  readonly status: number;
  /** The options, if they differ. */
  readonly software?: string;
}

const database = (harness: RunHarness) => ["--database", harness.folder.at("vendor.db")];

const CASES: Readonly<Record<string, Case>> = {
  "a suspended license": {
    arrange: (harness) => harness.vendor("suspend", "K1", ...database(harness)),
    check: "activation",
    found: /^license is suspended — contact your vendor$/,
    status: 81,
  },
  "a revoked license": {
    arrange: (harness) => harness.vendor("revoke", "K1", ...database(harness)),
    check: "activation",
    found: /^license has been revoked$/,
    status: 81,
  },
  "a machine that the vendor decommissions": {
    async arrange(harness) {
      const [machine] = await harness.machines();
      await harness.vendor("decommission", "K1", machine!.machine_id, ...database(harness));
    },
    check: "activation",
    found: /^machine decommissioned$/,
    status: 81,
  },
  "software that is not there": {
    arrange: () => Promise.resolve(),
    check: "software",
    found: /not found: \/nowhere\/rocket/,
    status: 84,
    software: "/nowhere/rocket",
  },
};

for (const [what, { arrange, check, found, status, software }] of Object.entries(CASES)) {
  Deno.test(`doctor finds ${what}, as the next run does`, async () => {
    await using harness = await RunHarness.open();
    assertEquals((await harness.run(SOFTWARE)).code, 0);
    await arrange(harness);
    const env = harness.programOptions().env!;
    const before = await snapshot(harness.folder.at("state"));
    const options = optionsOf(harness, software);
    const diagnosis = await diagnose(options, env);
    assertEquals([diagnosis.code, findCheck(diagnosis, check).outcome], [status, "failed"]);
    assertMatch(findCheck(diagnosis, check).found, found);
    assertEquals(await snapshot(harness.folder.at("state")), before);
    const { stdout } = await runProgram(["doctor", ...options], { env });
    assertMatch(stdout.trimEnd().split("\n").at(-1)!, new RegExp(`^first: ${check}: \\w`));
    assertEquals((await runProgram(["run", ...options], { env })).code, status);
  });
}

Deno.test("a machine with grace left would start without its server", async () => {
  await using harness = await RunHarness.open();
  await harness.run(SOFTWARE);
  await harness.stopServer();
  const env = harness.programOptions().env!;
  const { code, stdout } = await runProgram(["doctor", ...optionsOf(harness)], { env });
  assertEquals(code, 0);
  assertMatch(stdout, /^failed {3}tcp /m);
  assertStringIncludes(stdout, "\na run would start, on grace; first: tcp: check the network");
  assertEquals((await runProgram(["run", ...optionsOf(harness)], { env })).code, 0);
});

Deno.test("a machine that a restored database has lost would start", async () => {
  await using harness = await RunHarness.open();
  await harness.run(SOFTWARE);
  await harness.stopServer();
  await Deno.remove(harness.folder.at("vendor.db"));
  for (const suffix of ["-wal", "-shm"]) {
    await Deno.remove(harness.folder.at(`vendor.db${suffix}`)).catch(() => {});
  }
  await harness.issue("K1");
  await harness.startServer();
  const diagnosis = await diagnose(optionsOf(harness), harness.programOptions().env!);
  assertEquals(diagnosis.code, 0);
  assertStringIncludes(findCheck(diagnosis, "activation").found, "a run activates it again");
  assertEquals(await harness.machines(), []);
});

Deno.test("a license that the server does not know is refused before a run takes a place", async () => {
  await using harness = await RunHarness.open();
  const license = await Deno.readTextFile(harness.folder.at("K1.lic"));
  await harness.stopServer();
  for (const suffix of ["", "-wal", "-shm"]) {
    await Deno.remove(harness.folder.at(`vendor.db${suffix}`)).catch(() => {});
  }
  await harness.issue("K2");
  await Deno.writeTextFile(harness.folder.at("K1.lic"), license);
  await harness.startServer();
  const env = harness.programOptions().env!;
  const diagnosis = await diagnose(optionsOf(harness), env);
  assertEquals([diagnosis.code, findCheck(diagnosis, "activation").found], [
    81,
    "activation refused: License not found.",
  ]);
  assertEquals((await runProgram(["run", ...optionsOf(harness)], { env })).code, 81);
});

testWith(
  [OTHER_USERS],
  "a state folder that cannot be written is named, with the status of a run",
  async () => {
    const program = await programForAll();
    await using folder = await temporaryFolder();
    await Deno.chmod(folder.path, 0o755);
    const payload = standardPayload({ server_url: "http://127.0.0.1:1" });
    const args = await arrange(folder, await makeOrganization(), payload);
    const { code, stdout } = await runProgram(["doctor", ...args], {
      copy: program,
      cwd: "/",
      wrapper: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"],
      env: { DENO_DIR: folder.at("cache"), XDG_RUNTIME_DIR: "/nowhere" },
    });
    assertStringIncludes(stdout, `the state folder cannot be written: ${folder.path}`);
    assertEquals(code, 2);
  },
);
