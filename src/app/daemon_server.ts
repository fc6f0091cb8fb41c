import { openServer, type ServerSettings, serveTable } from "./remote_server.ts";
import type { Config } from "../config/schema.ts";
import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ProcessTable } from "../process/process_table.ts";
import type { RemoteProcesses } from "../remote/processes.ts";
import { parsePattern } from "../remote/audit.ts";
import type { DaemonServer, SoftwareControl } from "../daemon/daemon.ts";
import { TableRecorder } from "../supervision/child_record.ts";

interface DaemonServerHost {
  readonly log: Logger;
  /** Stops and restarts the software for operators. */
  readonly software: SoftwareControl;
  /** Directory for state and keys; called only if the configuration names no data directory. */
  readonly stateFolder: () => string;
  /** Once aborted, a stop no longer waits. */
  readonly force: AbortSignal;
}

/**
 * Serves a daemon's software to operators: each of its launches is a process, listed with those that operators start.
 *
 * @throws {SentinelError} as `startServer()` does.
 */
export async function openDaemonServer(
  config: Config,
  { log, software, stateFolder, force }: DaemonServerHost,
): Promise<DaemonServer> {
  const recorder = Promise.withResolvers<TableRecorder>();
  const settings = (config: Config) => readSettings(config, stateFolder);
  const server = await openServer(settings(config), {
    log,
    force,
    serve(table) {
      const own = new TableRecorder(table, log);
      recorder.resolve(own);
      return serveWithSoftware(table, own, software);
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

function readSettings({ server }: Config, stateFolder: () => string): ServerSettings {
  return {
    // required by the configuration's checks
    certificatePath: server.certificate!,
    keyPath: server.key!,
    certificateAuthorityPath: server.certificate_authority!,
    revocationListPath: server.revocation_list,
    address: server.address,
    port: server.port,
    dataDir: server.data_dir ?? `${stateFolder()}/processes`,
    redact: server.redact.map(parsePattern),
    observesArguments: server.observe_arguments,
  };
}

/** Leaves stop and restart of the software to its supervisor. */
function serveWithSoftware(
  table: ProcessTable,
  recorder: TableRecorder,
  software: SoftwareControl,
): RemoteProcesses {
  const others = serveTable(table);
  return {
    ...others,
    async stop(id, request) {
      if (id !== recorder.lastId) return await others.stop(id, request);
      software.pause(request);
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
