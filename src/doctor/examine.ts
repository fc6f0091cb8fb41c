import { examineLicense } from "./license.ts";
import { examineServer } from "./server.ts";
import { examinePermissions, examineSocket } from "./files.ts";
import { examineState } from "./state.ts";
import type { Diagnostic, DoctorDependencies, DoctorRequest } from "./diagnostic.ts";

/** Checks everything that a run depends on and changes nothing. The license server receives one request that it refuses. */
export async function examine(
  request: DoctorRequest,
  deps: DoctorDependencies,
): Promise<Diagnostic[]> {
  const { license, verify, diagnostics } = await examineLicense(request, deps);
  const serverUrl = request.serverUrl ??
    (license?.license_type === "STANDARD" ? license.server_url : undefined);
  return [
    ...diagnostics,
    ...await examineServer({ license, serverUrl, verify }, deps),
    ...await examineState(request, license, deps),
    await examineSocket(request, deps),
    await examinePermissions(request, deps),
  ];
}
