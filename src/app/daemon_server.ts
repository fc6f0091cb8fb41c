import { openServer, servedTable, type ServerSettings } from "./remote_server.ts";
import type { Config } from "../config/schema.ts";
import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ProcessTable } from "../process/process_table.ts";
import type { RemoteProcesses } from "../remote/processes.ts";
import type { DaemonServer, SoftwareControl } from "../daemon/daemon.ts";
import { TableRecorder } from "../supervision/child_record.ts";

interface DaemonServerHost {
  readonly log: Logger;
  /** What operators may do with the software. */
  readonly software: SoftwareControl;
  /** The folder for state and keys; asked for only where the configuration names no data folder. */
  readonly stateFolder: () => string;
  /** Aborted where a stop is to wait for nobody any more. */
  readonly hurry: AbortSignal;
}

/**
 * Serves a daemon's software to operators, as one process for each of its launches, beside those that they start.
 *
 * @throws {SentinelError} as `startServer()` does.
 */
export async function openDaemonServer(
  config: Config,
  { log, software, stateFolder, hurry }: DaemonServerHost,
): Promise<DaemonServer> {
  const recorder = Promise.withResolvers<TableRecorder>();
  const settings = (config: Config) => settingsOf(config, stateFolder);
  const server = await openServer(settings(config), {
    log,
    hurry,
    serve(table) {
      const own = new TableRecorder(table, log);
      recorder.resolve(own);
      return servedWithSoftware(table, own, software);
    },
  });
  return {
    url: server.url,
    recorder: await recorder.promise,
    prepare: (config) => server.prepare(settings(config)),
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function settingsOf({ server }: Config, stateFolder: () => string): ServerSettings {
  return {
    // the configuration is not valid without them
    certificatePath: server.certificate!,
    keyPath: server.key!,
    certificateAuthorityPath: server.certificate_authority!,
    revocationListPath: server.revocation_list,
    address: server.address,
    port: server.port,
    dataDir: server.data_dir ?? `${stateFolder()}/processes`,
  };
}

/** The software is stopped and started by who looks after it. */
function servedWithSoftware(
  table: ProcessTable,
  recorder: TableRecorder,
  software: SoftwareControl,
): RemoteProcesses {
  const others = servedTable(table);
  return {
    ...others,
    async stop(id, request) {
      if (id !== recorder.lastId) return await others.stop(id, request);
      software.hold(request);
      return await others.ended(id);
    },
    async restart(id) {
      if (id !== recorder.lastId) return await others.restart(id);
      try {
        await software.restart();
        return { kind: "restarted", id: recorder.lastId };
      } catch (error) {
        if (error instanceof SentinelError) return { kind: "refused", why: error.message };
        throw error;
      }
    },
  };
}
