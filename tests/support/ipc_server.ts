import type { LicenseInfo } from "../../src/ipc/license_answers.ts";
import type { IpcServer, IpcServerOptions } from "../../src/ipc/server.ts";
import { serveIpc } from "../../src/ipc/server.ts";
import { claimSocket, type SocketClaim } from "../../src/ipc/socket_owner.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { openLibraries } from "./open_libraries.ts";
import { RecordingLog } from "./recording_log.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

openLibraries();

export const LICENSE: LicenseInfo = {
  license_key: "KEY-1",
  license_type: "STANDARD",
  expiry_date: "2030-01-31",
  features: { seats: 5, export: true },
  org_id: "org-1",
  software_id: "editor",
};

export const LICENSE_LINE = `{"status":"ok","license":${JSON.stringify(LICENSE)}}`;
export const FEATURES_LINE = '{"status":"ok","features":{"seats":5,"export":true}}';
export const MALFORMED_LINE = '{"status":"error","error":"malformed request"}';

/** A server in a folder of its own; disposing it removes both. */
export interface TestServer extends AsyncDisposable {
  readonly path: string;
  readonly folder: string;
  readonly server: IpcServer;
  readonly claim: SocketClaim;
  readonly log: RecordingLog;
}

/** A unique socket path. */
export function testSocket(folder: TemporaryFolder): string {
  const { pipes } = selectPlatform();
  if (pipes === undefined) return folder.at("sentinel-test.sock");
  return `${pipes.prefix}sentinel-test-${crypto.randomUUID()}`;
}

/** A server on a socket of its own, without randomness by default. */
export async function startServer(options: Partial<IpcServerOptions> = {}): Promise<TestServer> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const log = new RecordingLog();
  const path = testSocket(folder);
  const claim = stack.use(await claimSocket(path, { lockFolder: folder.path }));
  const server = stack.use(
    serveIpc({ claim, log, license: LICENSE, random: () => 0.99, ...options }),
  );
  const owned = stack.move();
  return {
    path,
    folder: folder.path,
    server,
    claim,
    log,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
