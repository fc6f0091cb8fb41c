import { licenseStateCommand } from "../license_state_command.ts";

export const command = licenseStateCommand("reinstate", {
  done: "reinstated",
  note: "Only a suspended licence can be reinstated.",
});
