import { assertEquals } from "@std/assert";
import { makeV1, readHardware } from "../../src/license/fingerprint.ts";
import { machineSources } from "../support/machine_sources.ts";
import { hardwareBoundPayload, makeOrganization } from "../support/organization.ts";
import { type ProgramResult, runProgram } from "../support/program.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** Another one in each process, as the socket is named after it. */
const MACHINE = crypto.randomUUID();
const V1 = await makeV1(await readHardware(machineSources(MACHINE)));

const organization = await makeOrganization();

const EXPIRED =
  "license has expired (expiry: 2026-06-16); dates are in UTC, and it is 2026-06-17 00:30 UTC";

async function runOnMachine(
  folder: TemporaryFolder,
  { fingerprint, script, env = {}, expiry_date = "2026-12-31" }: {
    fingerprint: string;
    expiry_date?: string;
    script: string;
    env?: Record<string, string>;
  },
): Promise<ProgramResult> {
  const payload = { hardware_fingerprint: fingerprint, expiry_date };
  const license = await organization.license(hardwareBoundPayload(payload));
  await Deno.writeTextFile(folder.at("a.lic"), license);
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  await Deno.writeTextFile(folder.at("software"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const args = [folder.at("a.lic"), folder.at("software"), folder.at("org.pem")];
  return await runProgram(args, { fixture: "run_on_machine.ts", env: { MACHINE, ...env } });
}

testWith(
  [POSIX],
  "a v1 license runs on its machine, its fingerprint being the socket's name",
  async () => {
    await using folder = await temporaryFolder();
    const script = 'echo "$SENTINEL_IPC_SOCKET"; exit 7';
    assertEquals(await runOnMachine(folder, { fingerprint: V1, script }), {
      code: 7,
      stdout: `/tmp/sentinel-${V1}.sock\n`,
      stderr: "",
    });
  },
);

testWith(
  [POSIX],
  "a v1 license of another machine says that cpu, disk or machine_id differs",
  async () => {
    await using folder = await temporaryFolder();
    const fingerprint = "ab".repeat(32);
    assertEquals(await runOnMachine(folder, { fingerprint, script: "echo launched" }), {
      code: 83,
      stdout: "",
      stderr: "hardware: cpu, disk or machine_id differs\n" +
        "hardware fingerprint mismatch: this license is not valid for this machine\n",
    });
  },
);

testWith([POSIX], "a license that ends while the software runs ends the run", async () => {
  await using folder = await temporaryFolder();
  const script = "exec sleep 1000";
  const { code, stderr } = await runOnMachine(folder, {
    fingerprint: V1,
    script,
    env: { HOURS: "fly" },
    expiry_date: "2026-06-16",
  });
  assertEquals({ code, stderr }, {
    code: 80,
    stderr: "license ACME-0001 ends on 2026-06-16 (0 days)\n" +
      `stopping the software: ${EXPIRED}\n${EXPIRED}\n`,
  });
});
