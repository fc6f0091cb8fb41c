import type { OrganizationKeySource } from "../../license/organization_key.ts";
import type { Clock } from "../../core/clock.ts";
import type { Platform } from "../../platform/contract.ts";
import type { IpcSettings } from "../run.ts";
import { examineLicense } from "./examine_license.ts";
import { examineServer, type ServerProbes } from "./examine_server.ts";
import { examineSocket } from "./examine_socket.ts";
import { examineState } from "./examine_state.ts";
import { examinePermissions } from "./examine_permissions.ts";
import type { Finding } from "./finding.ts";

/** What is to be looked at: what a run would be given. */
export interface DoctorRequest {
  readonly licensePath: string | undefined;
  readonly orgKey: OrganizationKeySource | undefined;
  /** The only software that the licence may be for (default: any). */
  readonly softwareId?: string | undefined;
  /** Overrides the licence's own. */
  readonly serverUrl: string | undefined;
  /** `undefined` where no home is known. */
  readonly stateFolder: string | undefined;
  readonly ipc: IpcSettings;
}

/** What looking takes; built in `compose_doctor.ts`. */
export interface DoctorDependencies extends ServerProbes {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly readVariable: (name: string) => string | undefined;
  /** Kinds of access that the runtime was not given. */
  readonly missingAccess: () => readonly string[];
}

/** Looks at everything that a run depends on and changes nothing; an organisation's server sees one request that it refuses. */
export async function examine(
  request: DoctorRequest,
  deps: DoctorDependencies,
): Promise<Finding[]> {
  const { license, verify, findings } = await examineLicense(request, deps);
  const serverUrl = request.serverUrl ??
    (license?.license_type === "STANDARD" ? license.server_url : undefined);
  return [
    ...findings,
    ...await examineServer({ license, serverUrl, verify }, deps),
    ...await examineState(request, license, deps),
    await examineSocket(request, deps),
    await examinePermissions(request, deps),
  ];
}
