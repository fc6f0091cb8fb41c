import { licenseStateCommand } from "../license_state_command.ts";

export const command = licenseStateCommand("revoke", {
  done: "revoked",
  note: "Its machines learn it at their next heartbeat and stop. A revocation is for good.",
});
