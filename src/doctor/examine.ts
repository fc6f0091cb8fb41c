import type { DoctorDependencies, DoctorRequest } from "./request.ts";
import { examineLicense } from "./license.ts";
import { examineServer } from "./server.ts";
import { examinePermissions, examineSocket } from "./files.ts";
import { examineState } from "./state.ts";
import type { Finding } from "./finding.ts";

/** Looks at everything that a run depends on and changes nothing; an organization's server sees one request that it refuses. */
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
