// Not on Windows: the software is a shell script.
import { assertEquals, assertMatch } from "@std/assert";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { formatPermissionFlags, PERMISSION_SETS } from "../../src/packaging/compile_program.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { COMPILER, runStandalone, sharedProgram } from "../support/standalone.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { programLine } from "../support/program.ts";

/** A vendor's keys and a license for software `rocket` on this machine. */
async function setUp(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await makeOrganizationKey(folder.path);
  const { stdout: fingerprint } = await fromSource("fingerprint");
  const { code, stderr } = await fromSource(
    ...["vendor", "issue", "--key", folder.at("org_private_key.pem"), "--type", "hardware-bound"],
    ...["--org", "acme", "--software-id", "rocket", "--expires", "2999-12-31"],
    ...["--license-key", "K1", "--fingerprint", fingerprint.trim(), "--out", folder.at("k.lic")],
  );
  assertEquals(code, 0, stderr);
  return folder;
}

function fromSource(...args: string[]) {
  const [runtime, ...rest] = programLine(args, { isSource: true });
  return runStandalone(runtime!, rest);
}

function programOptions(folder: TemporaryFolder): Record<string, string> {
  return { XDG_RUNTIME_DIR: folder.path, XDG_STATE_HOME: folder.path, XDG_DATA_HOME: folder.path };
}

testWith(
  [COMPILER, POSIX],
  "a vendor's program builds a customer's, which takes that vendor's licenses for that software alone",
  async () => {
    await using folder = await setUp();
    const vendor = await sharedProgram("--profile", "vendor");
    await Deno.mkdir(folder.at("bin"));
    await Deno.symlink(Deno.env.get("BUILD_DENO")!, folder.at("bin/deno"));
    const build = (out: string, softwareId: string) =>
      runStandalone(vendor, [
        ...["vendor", "build", "--org-key", folder.at("org_public_key.pem"), "--json"],
        ...["--software-id", softwareId, "--out", folder.at(out)],
      ], { BUILD_DENO: "", PATH: `${folder.at("bin")}:${Deno.env.get("PATH")}` });
    const [rocket, other] = await Promise.all([build("one", "rocket"), build("two", "other")]);
    assertEquals([rocket.stderr, other.stderr], ["", ""]);
    const program = (built: { stdout: string }): string => JSON.parse(built.stdout)[0].path;
    const verify = (built: { stdout: string }) =>
      runStandalone(program(built), ["license", "verify", folder.at("k.lic")]);
    assertMatch((await verify(rocket)).stdout, /^license is valid: K1 /);
    assertEquals(await verify(other), {
      code: 80,
      stdout: "",
      stderr: "sentinel: error: license is for another software: rocket, not other\n",
    });
    await Deno.remove(folder.at("org_public_key.pem"));
    await makeOrganizationKey(folder.at("others"));
    const { code, stderr } = await runStandalone(vendor, [
      ...["license", "verify", folder.at("k.lic"), "--org-key"],
      folder.at("others/org_public_key.pem"),
    ]);
    assertEquals([code, stderr], [80, "sentinel: error: license signature verification failed\n"]);
  },
);

testWith(
  [COMPILER, POSIX],
  "a missing permission of a program is one line with the flag",
  async () => {
    const vendor = await sharedProgram("--profile", "vendor");
    const { code, stdout, stderr } = await runStandalone(vendor, ["fingerprint"]);
    assertEquals([code, stdout], [86, ""]);
    assertMatch(
      stderr,
      /^sentinel: error: permission denied: this sentinel was built without --allow-(?:ffi|sys for ".+")\n$/,
    );
  },
);

testWith(
  [POSIX],
  "a missing permission of the runtime is one line with the flag, too",
  async () => {
    const [runtime, ...rest] = programLine(["fingerprint"], { isSource: true });
    const args = rest.filter((arg) => !arg.startsWith("--allow-ffi"));
    const { code, stderr } = await runStandalone(runtime!, args);
    assertEquals(code, 86);
    assertMatch(stderr, /^sentinel: error: permission denied: .* without --allow-ffi for ".+"\n$/);
  },
);

testWith(
  [COMPILER, POSIX],
  "a program for one software launches it and nothing else",
  async () => {
    await using folder = await setUp();
    const program = await sharedProgram("--software", "/bin/true");
    const run = (software: string) =>
      runStandalone(program, [
        ...["run", "--license", folder.at("k.lic"), "--software", software],
        ...["--org-key", folder.at("org_public_key.pem"), "--state-dir", folder.at("state")],
      ], programOptions(folder));
    assertEquals(await run("/bin/true"), { code: 0, stdout: "", stderr: "" });
    const { code, stderr } = await run("/bin/false");
    assertEquals(code, 84);
    assertMatch(
      stderr,
      /^sentinel: error: software cannot be launched: \/bin\/false .*--allow-run/,
    );
    assertEquals(stderr.trim().split("\n").length, 1);
    const doctor = await runStandalone(program, [
      ...["doctor", "--license", folder.at("k.lic"), "--state-dir", folder.at("state")],
      ...["--org-key", folder.at("org_public_key.pem")],
    ], programOptions(folder));
    assertMatch(doctor.stdout, /^ok +permissions/m);
  },
);

testWith([POSIX], "the vendors' permissions are enough for the vendors' commands", async () => {
  await using folder = await temporaryFolder();
  const flags = formatPermissionFlags(PERMISSION_SETS.vendor);
  const vendor = async (...args: string[]) => {
    const [runtime, ...rest] = programLine(["vendor", ...args], { isSource: true });
    const others = rest.filter((arg) => !arg.startsWith("--allow-"));
    const [run, ...behind] = others;
    const { code, stderr } = await runStandalone(runtime!, [run!, ...flags, ...behind]);
    assertEquals([code, stderr], [0, ""]);
  };
  const [key, database] = [folder.at("org_private_key.pem"), folder.at("v.db")];
  await vendor("keygen", "--out", folder.path);
  await vendor(
    ...["issue", "--key", key, "--database", database, "--type", "standard", "--org", "acme"],
    ...["--software-id", "rocket", "--license-key", "K1", "--expires", "2999-12-31"],
    ...["--server-url", "http://127.0.0.1:9", "--out", folder.at("k.lic")],
  );
  await vendor("suspend", "K1", "--database", database);
  await vendor("list", "--database", database);
});
