import { resolve } from "@std/path/posix";
import { systemClock } from "./core/clock.ts";
import { describeError } from "./core/errors.ts";
import { checkDates } from "./license/dates.ts";
import type { License } from "./license/payload.ts";
import { readLicenseFile } from "./license/read_license_file.ts";
import { verifyLicense } from "./license/verify_license.ts";
import type { Platform } from "./platform/contract.ts";
import { selectPlatform } from "./platform/select.ts";
import { ConfigError } from "./sentinel/config_error.ts";
import { type RunDependencies, runSentinel } from "./sentinel/run.ts";
import { StopRequestSource } from "./sentinel/stop_request.ts";
import { importPublicKeyPem, verifierOf, type Verify } from "./signing/ecdsa.ts";

/** What `sentinel run` was told. */
export interface RunOptions {
  readonly licensePath: string;
  readonly softwarePath: string;
  readonly softwareArgs: readonly string[];
  readonly serverUrl: string | undefined;
  readonly stateDir: string | undefined;
  readonly orgKeyPath: string;
}

/** A run with real dependencies. */
export async function composeRun(
  options: RunOptions,
  { log, clock, random }: Pick<RunDependencies, "log" | "clock" | "random">,
): Promise<number> {
  const platform = selectPlatform();
  const stopRequest = new StopRequestSource();
  const receivers = platform.stopSignals.map((signal) =>
    [signal, () => stopRequest.receive(signal)] as const
  );
  for (const [signal, receive] of receivers) Deno.addSignalListener(signal, receive);
  try {
    return await runSentinel({
      licensePath: options.licensePath,
      softwarePath: resolve(options.softwarePath),
      softwareArgs: options.softwareArgs,
      serverUrl: checkedUrl(options.serverUrl),
      stateFolder: () => options.stateDir ?? defaultStateFolder(platform),
    }, {
      platform,
      clock,
      random,
      newUuid: () => crypto.randomUUID(),
      fetch,
      log,
      verify: await readOrganisationKey(options.orgKeyPath),
      pid: Deno.pid,
      stopRequest,
      readVariable: (name) => Deno.env.get(name),
    });
  } finally {
    for (const [signal, receive] of receivers) Deno.removeSignalListener(signal, receive);
  }
}

/** A licence whose signature and payload are right; its dates may be over. @throws {LicenseError} */
export async function readLicense(path: string, orgKeyPath: string): Promise<License> {
  const verify = await readOrganisationKey(orgKeyPath);
  return await verifyLicense(await readLicenseFile(path), verify);
}

/** A licence that is valid today. @throws {LicenseError} */
export async function checkLicenseFile(path: string, orgKeyPath: string): Promise<License> {
  const license = await readLicense(path, orgKeyPath);
  checkDates(license, systemClock.wallMs());
  return license;
}

async function readOrganisationKey(path: string): Promise<Verify> {
  const key = await importPublicKeyPem(await readKeyFile(path));
  if (key === undefined) {
    throw new ConfigError(
      "config.org_key",
      `organization key is no P-256 public key (PEM): ${path}`,
    );
  }
  return verifierOf(key);
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "not found" : describeError(error);
    throw new ConfigError(
      "config.org_key",
      `organization key cannot be read: ${path} (${reason})`,
      {
        cause: error,
      },
    );
  }
}

function checkedUrl(text: string | undefined): string | undefined {
  const url = text === undefined ? undefined : URL.parse(text);
  if (url === undefined) return undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new ConfigError(
    "config.server_url",
    `--server-url must be an http(s) URL: current value is ${text}`,
  );
}

function defaultStateFolder(platform: Platform): string {
  const folder = platform.defaultStateFolder((name) => Deno.env.get(name));
  if (folder !== undefined) return folder;
  throw new ConfigError("config.state_dir", "no home directory is known: give --state-dir");
}
