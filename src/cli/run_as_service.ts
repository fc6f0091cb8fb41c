import { HOPELESS_STATUSES } from "../daemon/service_file.ts";
import type { ServiceMembership } from "../compose_service.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, exitCodeOf } from "./exit_codes.ts";

/**
 * Runs something as the service that a service manager started. An end that another start could mend is not told: to the
 * manager it is a crash, which it has actions for.
 */
export async function runAsService(
  { log }: Pick<CommandContext, "log">,
  run: (service: ServiceMembership) => Promise<number>,
): Promise<number> {
  const { joinServiceManager } = await import("../compose_service.ts");
  const service = await joinServiceManager();
  // a service has no standard streams
  log.configure({ write() {} });
  const end = async (status: number) => {
    if (status === EXIT.ok || HOPELESS_STATUSES.includes(status)) await service.end(status);
  };
  try {
    const status = await run(service);
    await end(status);
    return status;
  } catch (error) {
    await end(exitCodeOf(error));
    throw error;
  }
}
