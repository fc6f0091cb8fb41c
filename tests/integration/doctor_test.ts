// Not on Windows: the software is a shell script.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { arrange, assertFails, diagnose, findCheck, snapshot } from "../support/diagnosis.ts";
import {
  hardwareBoundPayload,
  makeOrganization,
  standardPayload,
} from "../support/organization.ts";
import { runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("on a healthy machine each line passes, nothing changes, and the exit status is 0", async () => {
  await using harness = await RunHarness.open();
  assertEquals((await harness.run("/bin/true")).code, 0);
  const args = [
    ...[
      "--license",
      harness.folder.at("K1.lic"),
      "--org-key",
      harness.folder.at("org_public_key.pem"),
    ],
    ...["--state-dir", harness.folder.at("state")],
  ];
  const env = { XDG_RUNTIME_DIR: harness.folder.at("runtime") };
  // a heartbeat is noted as one
  const list = async () =>
    (await harness.vendor("list", "--json", "--database", harness.folder.at("vendor.db")))
      .replace(/"last_seen_at": "[^"]+"/, "");
  const before = [
    await snapshot(harness.folder.at("state")),
    await snapshot(harness.folder.at("runtime")),
    await list(),
  ];
  const diagnosis = await diagnose(args, env);
  const outcomes = diagnosis.checks.map(({ check, outcome }) => `${check} ${outcome}`);
  assertEquals(outcomes, [
    ...["key ok", "license ok", "dates ok", "hardware skipped", "software skipped"],
    ...["dns ok", "tcp ok", "tls skipped", "http ok", "signature ok", "clock ok"],
    ...["keystore ok", "state ok", "activation ok", "socket ok", "permissions ok"],
  ]);
  assertEquals([diagnosis.code, diagnosis.isWell], [0, true]);
  assertStringIncludes(
    findCheck(diagnosis, "keystore").found,
    "derived key: a copy of the state folder",
  );
  assertStringIncludes(findCheck(diagnosis, "state").found, "604800 seconds of grace left");
  const after = [
    await snapshot(harness.folder.at("state")),
    await snapshot(harness.folder.at("runtime")),
    await list(),
  ];
  assertEquals(after, before);
  const { stdout } = await runProgram(["doctor", ...args], { env });
  const lines = stdout.trimEnd().split("\n");
  assertEquals([lines.length, lines.at(-1)], [diagnosis.checks.length + 1, "a run would start"]);
});

Deno.test("before the first run nothing is created", async () => {
  await using folder = await temporaryFolder();
  const args = await arrange(
    folder,
    await makeOrganization(),
    standardPayload({ server_url: undefined }),
  );
  const before = await snapshot(folder.path);
  const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
  assertEquals(diagnosis.code, 0);
  assertEquals(findCheck(diagnosis, "state").found, `none yet in ${folder.at("state")}`);
  assertStringIncludes(findCheck(diagnosis, "socket").found, "which the first run creates");
  assertEquals(await snapshot(folder.path), before);
});

const organization = await makeOrganization();
const stranger = await makeOrganization();

const LICENSE_FAULTS: [string, string, number, () => Promise<string>][] = [
  ["another vendor's", "license", 80, () => stranger.license(standardPayload())],
  [
    "an expired",
    "dates",
    80,
    () => organization.license(standardPayload({ expiry_date: "2021-01-01" })),
  ],
  [
    "a future",
    "dates",
    80,
    () => organization.license(standardPayload({ issue_date: "2998-01-01" })),
  ],
  ["another machine's", "hardware", 83, () => organization.license(hardwareBoundPayload())],
];

for (const [what, check, status, license] of LICENSE_FAULTS) {
  Deno.test(`${what} license fails the line ${check} first and ends with ${status}`, async () => {
    await using folder = await temporaryFolder();
    const args = await arrange(folder, organization, standardPayload());
    await Deno.writeTextFile(folder.at("a.lic"), await license());
    const diagnosis = await diagnose([...args], { XDG_RUNTIME_DIR: folder.path });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, status);
  });
}

Deno.test("a hardware-bound license needs no server, keystore or state", async () => {
  await using folder = await temporaryFolder();
  const { stdout } = await runProgram(["fingerprint", "--json"]);
  const { v2 } = JSON.parse(stdout);
  const payload = hardwareBoundPayload(v2 === null ? {} : { hardware_fingerprint: v2 });
  const args = await arrange(folder, organization, payload);
  const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
  for (const check of ["dns", "tcp", "tls", "http", "signature", "clock", "keystore", "state"]) {
    assertEquals(findCheck(diagnosis, check).outcome, "skipped", check);
  }
  assertEquals(diagnosis.code, v2 === null ? 83 : 0);
});
