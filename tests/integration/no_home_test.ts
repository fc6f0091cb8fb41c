// Not on Windows: it ends programs by POSIX signals.
/** Commands that use the user's home, without one in the environment. */
import { assertEquals } from "@std/assert";
import { arrange, diagnose, findCheck } from "../support/diagnosis.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { findPackageCache } from "../support/package_cache.ts";
import { PINNED_RUNTIME, runProgram } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { OPENSSL } from "../support/test_remote.ts";

const NO_HOME = { HOME: "", XDG_DATA_HOME: "", DENO_DIR: await findPackageCache() };

testWith([POSIX], "a run without a home needs --state-dir", async () => {
  await using folder = await temporaryFolder();
  const payload = standardPayload({ server_url: "http://127.0.0.1:1" });
  const args = await arrange(folder, await makeOrganization(), payload);
  const { code, stderr } = await runProgram(
    ["run", "--software", "/bin/true", ...args.slice(0, args.indexOf("--state-dir"))],
    { env: { ...NO_HOME, XDG_RUNTIME_DIR: folder.path } },
  );
  assertEquals([code, stderr], [
    2,
    "sentinel: error: no home directory is known: give --state-dir\n",
  ]);
});

testWith([POSIX], "doctor says that there is no home", async () => {
  const diagnosis = await diagnose([], NO_HOME);
  const { outcome, found, advice } = findCheck(diagnosis, "state");
  assertEquals([outcome, found, advice], [
    "failed",
    "no home directory is known",
    "give --state-dir",
  ]);
});

testWith(
  [POSIX, ...OPENSSL, PINNED_RUNTIME],
  "a server without a home needs --data-dir, a client -C",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    const { server, ops } = setup.files;
    const address = ["-a", "127.0.0.1", "-p", "1"];
    const commands: readonly (readonly [string, readonly string[]])[] = [
      ["--data-dir", [
        ...["server", "-c", server.certificate, "-k", server.key],
        ...["-C", setup.authority.certificate, ...address],
      ]],
      ["-C", [
        "client",
        "-c",
        ops.certificate,
        "-k",
        ops.key,
        ...address,
        "--trust-on-first-use",
        "list",
      ]],
    ];
    for (const [option, args] of commands) {
      const { code, stderr } = await runProgram(args, { env: NO_HOME });
      assertEquals([code, stderr], [
        2,
        `sentinel: error: no home directory is known: give ${option}\n`,
      ]);
    }
  },
);
