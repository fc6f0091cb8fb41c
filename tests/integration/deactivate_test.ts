// Not on Windows: the software is a shell script.
/** A machine gives its place on a license back. */
import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { makeCertificate } from "../support/certificate.ts";
import { copyFolder } from "../support/copy_folder.ts";
import {
  answerPayload,
  serveAnswers,
  signedAnswer,
  type TestServer,
} from "../support/license_server.ts";
import {
  hardwareBoundPayload,
  makeOrganization,
  standardPayload,
} from "../support/organization.ts";
import { type ProgramResult, runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";

/** Runs `sentinel deactivate` with the options of the harness's runs. */
async function deactivate(
  harness: RunHarness,
  { license = "K1", args = [] as string[] } = {},
): Promise<ProgramResult> {
  return await runProgram([
    ...["deactivate", "--license", harness.folder.at(`${license}.lic`)],
    ...["--org-key", harness.folder.at("org_public_key.pem")],
    ...(harness.stateDir === undefined ? [] : ["--state-dir", harness.stateDir]),
    ...args,
  ], harness.programOptions());
}

/** The machines of `K1` on the server. */
async function statuses(harness: RunHarness): Promise<string[]> {
  return (await harness.machines()).map(({ status }) => status);
}

Deno.test("a deactivated machine leaves its place to another, and nothing of the license behind", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  assertEquals((await harness.run("/bin/true")).code, 0);
  assertEquals(await deactivate(harness), {
    ...{ code: 0, stderr: "" },
    stdout: "license K1 is no longer activated on this machine\n",
  });
  assertEquals(await statuses(harness), ["RELEASED"]);
  const left = Array.from(Deno.readDirSync(harness.folder.at("state")), ({ name }) => name);
  assertEquals(left.filter((name) => /\.bin$|^machine$/.test(name)), []);
  harness.stateDir = harness.folder.at("other");
  assertEquals((await harness.run("/bin/true")).code, 0);
  assertEquals((await statuses(harness)).toSorted(), ["ACTIVE", "RELEASED"]);
});

Deno.test("a deactivated machine can be activated again if a place is free", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  await harness.run("/bin/true");
  const { stdout } = await deactivate(harness, { args: ["--json"] });
  const { license_key, machine_id } = JSON.parse(stdout);
  assertEquals(license_key, "K1");
  assertEquals((await harness.run("/bin/true")).code, 0);
  const machines = await harness.machines();
  assertNotEquals(machines.find(({ status }) => status === "ACTIVE")?.machine_id, machine_id);
});

Deno.test("deactivation removes one license; others of the product stay, with the same machine", async () => {
  await using harness = await RunHarness.open();
  await harness.issue("K2");
  await harness.run("/bin/true");
  await harness.run("/bin/true", { license: "K2" });
  assertEquals((await deactivate(harness)).code, 0);
  await harness.stopServer();
  // K2 is still activated: it runs on grace
  const { code, stderr } = await harness.run("/bin/true", { license: "K2" });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "operating under grace period");
  await harness.startServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
  assertEquals(await statuses(harness), ["ACTIVE"]);
});

Deno.test("without the server nothing is given back and nothing is changed", async () => {
  await using harness = await RunHarness.open();
  await harness.run("/bin/true");
  await harness.stopServer();
  const { code, stderr } = await deactivate(harness);
  assertEquals(code, 82);
  assertEquals(
    stderr,
    `sentinel: error: server unreachable (refused): ${harness.url} — nothing was changed on this machine, try again\n`,
  );
  const run = await harness.run("/bin/true");
  assertEquals(run.code, 0, run.stderr);
});

Deno.test("the vendor can forbid machines to give their places back", async () => {
  await using harness = await RunHarness.open("--forbid-release");
  await harness.run("/bin/true");
  const { code, stderr } = await deactivate(harness);
  assertEquals([code, stderr], [
    81,
    "sentinel: error: deactivation refused: This license does not allow machines to give their place back: " +
    "ask the vendor.\n",
  ]);
  assertEquals(await statuses(harness), ["ACTIVE"]);
  assertEquals((await harness.run("/bin/true")).code, 0);
});

Deno.test("a license that was never activated has nothing to give back, and nothing is created", async () => {
  await using harness = await RunHarness.open();
  for (const stateDir of [harness.folder.at("state"), undefined]) {
    harness.stateDir = stateDir;
    const { code, stderr } = await deactivate(harness);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "license K1 is not activated here: run this as the user that ");
  }
  const names = Array.from(Deno.readDirSync(harness.folder.path), ({ name }) => name);
  assertEquals(names.filter((name) => /^(?:state|home)$/.test(name)), []);
});

/** A machine whose deactivation was cut off: the server has its place back, and its state is as before. */
async function openCutOff(): Promise<RunHarness> {
  await using stack = new AsyncDisposableStack();
  const harness = stack.use(await RunHarness.open("--max-machines", "1"));
  await harness.run("/bin/true");
  const state = harness.folder.at("state"), aside = harness.folder.at("aside");
  await copyFolder(state, aside);
  assertEquals((await deactivate(harness)).code, 0);
  await Deno.remove(state, { recursive: true });
  await Deno.rename(aside, state);
  stack.move();
  return harness;
}

Deno.test("a machine whose deactivation was cut off after the server's part activates again", async () => {
  await using harness = await openCutOff();
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "the server does not know this machine any more");
  assertEquals(await statuses(harness), ["ACTIVE"]);
  assertEquals((await deactivate(harness)).code, 0);
});

Deno.test("a deactivation that was cut off after the server's part is finished by another", async () => {
  await using harness = await openCutOff();
  assertEquals((await deactivate(harness)).code, 0);
  assertEquals(await statuses(harness), ["RELEASED"]);
  const again = await deactivate(harness);
  assertEquals(again.code, 2);
  assertStringIncludes(again.stderr, "license K1 is not activated here");
});

Deno.test("a license that begins later starts what ran last, until that is given back", async () => {
  await using harness = await RunHarness.open("--issued", "2020-01-01");
  await harness.issue("NEXT", "--issued", "2999-01-01");
  assertEquals((await harness.run("/bin/true")).code, 0);
  const { code, stderr } = await harness.run("/bin/true", { license: "NEXT" });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "license NEXT begins on 2999-01-01: it is taken up then");
  const state = harness.folder.at("state"), other = harness.folder.at("other");
  await Deno.mkdir(other, { mode: 0o700 });
  await Deno.copyFile(`${state}/current.lic`, `${other}/current.lic`);
  harness.stateDir = other;
  const elsewhere = await harness.run("/bin/true", { license: "NEXT" });
  assertEquals(elsewhere.code, 80, elsewhere.stderr);
  harness.stateDir = state;
  assertEquals(
    (await deactivate(harness, { license: "NEXT" })).stdout,
    "license K1 is no longer activated on this machine\n",
  );
  assertEquals(await statuses(harness), ["RELEASED"]);
  assertEquals((await harness.run("/bin/true", { license: "NEXT" })).code, 80);
});

Deno.test("a license that is bound to hardware has nothing to give back", async () => {
  await using harness = await RunHarness.open();
  const organization = await makeOrganization();
  await Deno.writeTextFile(harness.folder.at("org_public_key.pem"), organization.publicKeyPem);
  const text = await organization.license(hardwareBoundPayload());
  await Deno.writeTextFile(harness.folder.at("K1.lic"), text);
  const { code, stderr } = await deactivate(harness);
  assertEquals([code, stderr.split("\n")[0]], [
    2,
    "sentinel: error: a hardware-bound license is not activated: there is nothing to give back",
  ]);
  const names = Array.from(Deno.readDirSync(harness.folder.path), ({ name }) => name);
  assertEquals(names.includes("state"), false);
});

/** A license server that answers elsewhere than the license says. */
async function serveElsewhere(
  harness: RunHarness,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TestServer> {
  const organization = await makeOrganization();
  const { at } = harness.folder;
  await Deno.writeTextFile(at("org_public_key.pem"), organization.publicKeyPem);
  await Deno.writeTextFile(at("K1.lic"), await organization.license(standardPayload()));
  return serveAnswers((request) => signedAnswer(organization, answerPayload(request)), tls);
}

testWith(
  [needsProgram("openssl")],
  "--server-url and --ca-file name the server that gets the place back",
  async () => {
    await using harness = await RunHarness.open();
    const { folder } = harness;
    await using server = await serveElsewhere(harness, await makeCertificate(folder));
    const named = ["--server-url", server.url, "--ca-file", folder.at("ca.pem")];
    const [command, ...others] = harness.runArguments("/bin/true");
    const options = harness.programOptions();
    assertEquals((await runProgram([command!, ...named, ...others], options)).code, 0);
    const before = server.requests.length;
    const untrusted = await deactivate(harness, { args: named.slice(0, 2) });
    assertEquals(untrusted.code, 82);
    assertStringIncludes(untrusted.stderr, "TLS: the certificate's issuer is not trusted");
    assertEquals((await deactivate(harness, { args: named })).code, 0);
    assertEquals(server.requests.slice(before).map(({ path }) => path), [
      "/api/v1/drm/decommission-ack/",
    ]);
  },
);

Deno.test("license, state and server come from the file of --config", async () => {
  await using harness = await RunHarness.open();
  await using server = await serveElsewhere(harness);
  const { at } = harness.folder;
  await Deno.writeTextFile(
    at("c.toml"),
    `[license]\npath = "K1.lic"\nstate_dir = "state"\nserver_url = "${server.url}"\n` +
      `[software]\npath = "/bin/true"\n`,
  );
  const named = ["--config", at("c.toml"), "--org-key", at("org_public_key.pem")];
  const options = harness.programOptions();
  assertEquals((await runProgram(["run", ...named], options)).code, 0);
  assertEquals((await runProgram(["deactivate", ...named], options)).code, 0);
  assertEquals(server.requests.at(-1)?.path, "/api/v1/drm/decommission-ack/");
});

Deno.test("another vendor's license is refused, and the machine keeps its place", async () => {
  await using harness = await RunHarness.open();
  await harness.run("/bin/true");
  const stranger = await makeOrganization();
  const text = await stranger.license(standardPayload({ license_key: "K1" }));
  await Deno.writeTextFile(harness.folder.at("stranger.lic"), text);
  const { code, stdout } = await deactivate(harness, { license: "stranger" });
  assertEquals([code, stdout], [80, ""]);
  assertEquals(await statuses(harness), ["ACTIVE"]);
  assertEquals((await harness.run("/bin/true")).code, 0);
});

Deno.test("while the software runs its license is not deactivated", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", "echo up; exec sleep 1000");
  await using run = harness.start(software);
  await run.stdout.match(/up/);
  const { code, stderr } = await deactivate(harness);
  assertEquals(code, 85);
  assertMatch(
    stderr,
    /another sentinel is running for this license \(pid \d+\) — stop it first; nothing was changed\n$/,
  );
  assertEquals(await statuses(harness), ["ACTIVE"]);
  run.kill("SIGTERM");
  await run.end();
});

Deno.test("a license is given back after it has expired", async () => {
  await using harness = await RunHarness.open();
  const organization = await makeOrganization();
  await using server = serveAnswers((request) =>
    signedAnswer(organization, answerPayload(request))
  );
  await Deno.writeTextFile(harness.folder.at("org_public_key.pem"), organization.publicKeyPem);
  const dates = { issue_date: "2020-01-01", server_url: server.url };
  const write = async (expiry_date: string) =>
    await Deno.writeTextFile(
      harness.folder.at("K1.lic"),
      await organization.license(standardPayload({ ...dates, expiry_date })),
    );
  await write("2999-12-31");
  assertEquals((await harness.run("/bin/true")).code, 0);
  await write("2020-12-31");
  assertEquals((await harness.run("/bin/true")).code, 80);
  assertEquals((await deactivate(harness)).code, 0);
  assertEquals(server.requests.at(-1)?.path, "/api/v1/drm/decommission-ack/");
});

/** A machine's name, and its name in the vendor's list. */
const NAMES: [string, name: string, seen: string][] = [
  ["in any script", "Prüfstand 7 – 東京", "Prüfstand 7 – 東京"],
  ["of the greatest length", "n".repeat(255), "n".repeat(255)],
];

for (const [what, name, seen] of NAMES) {
  Deno.test(`the vendor sees machines by names ${what}`, async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script("software", "exit 0");
    await harness.run(software, { env: { SENTINEL_MACHINE_NAME: name } });
    const [machine] = await harness.machines();
    assertEquals(machine?.name, seen);
    const list = await harness.vendor("list", "--database", harness.folder.at("vendor.db"));
    assertStringIncludes(list, `  ${seen}\n`);
  });
}

Deno.test("without a name a machine is called by its host name", async () => {
  await using harness = await RunHarness.open();
  await harness.run("/bin/true");
  assertEquals((await harness.machines()).map(({ name }) => name), [Deno.hostname()]);
});

for (const name of [" ", "a\nb", "\u202egnp", "n".repeat(256), "é".repeat(128)]) {
  Deno.test(`the name ${JSON.stringify(name).slice(0, 20)} is refused before anything is done`, async () => {
    await using harness = await RunHarness.open();
    const options = harness.programOptions();
    const [command, ...others] = harness.runArguments("/bin/true");
    const { code, stderr } = await runProgram(
      [command!, `--machine-name=${name}`, ...others],
      options,
    );
    assertEquals([code, stderr.split("\n")[0]], [
      2,
      "sentinel: error: --machine-name must be printable text of at most 255 bytes",
    ]);
    assertEquals(await harness.machines(), []);
  });
}
