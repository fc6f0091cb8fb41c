import { assertEquals } from "@std/assert";
import { parsePayload } from "../../src/license/payload.ts";
import { importPublicKeyPem, makeVerifier, type Verify } from "../../src/signing/ecdsa.ts";
import { registerLicense } from "../../src/license_server/issue.ts";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { runProgram } from "./program.ts";
import { serveLicenses, type ServingProgram } from "./serving_program.ts";
import { openStore, standardPayload } from "./license_server_fixture.ts";

/** A vendor with a key, a database and one license, `K1`. */
export interface VendorSetup {
  readonly keyPath: string;
  readonly publicKeyPath: string;
  readonly database: string;
  readonly verify: Verify;
  /** Starts `vendor serve` on a port of its own. */
  serve(...args: string[]): Promise<ServingProgram>;
  /** Runs `vendor …` on the database; fails unless it succeeds in silence. Gives its standard output. */
  administer(...args: string[]): Promise<string>;
}

/** Sets a vendor up in a folder, without starting the program; `terms` change those of the license. */
export async function setUpVendor(
  folder: string,
  terms: Record<string, unknown> = {},
): Promise<VendorSetup> {
  const { privateKeyPath: keyPath, publicKeyPath } = await makeOrganizationKey(`${folder}/keys`);
  const database = `${folder}/licenses.db`;
  {
    await using store = await openStore(database);
    const payload = standardPayload("K1", { expiry_date: "2099-12-31", ...terms });
    await registerLicense(store, parsePayload(payload), { atMs: 0, actor: "test" });
  }
  const publicKey = await importPublicKeyPem(await Deno.readTextFile(publicKeyPath));
  return {
    keyPath,
    publicKeyPath,
    database,
    verify: makeVerifier(publicKey!),
    serve: (...args) =>
      serveLicenses("--key", keyPath, "--database", database, "--port", "0", ...args),
    async administer(...args) {
      const { code, stdout, stderr } = await runProgram([
        "vendor",
        ...args,
        "--database",
        database,
      ]);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      return stdout;
    },
  };
}
