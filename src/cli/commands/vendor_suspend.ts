import { licenseStateCommand } from "../license_state_command.ts";

export const command = licenseStateCommand("suspend", {
  done: "suspended",
  note: "Its machines learn it at their next heartbeat and stop, until it is reinstated.",
});
