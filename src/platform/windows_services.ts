import { systemFile } from "../../ffi/windows_library.ts";
import type { SystemServices } from "./contract.ts";
import { readRegistryText } from "./windows_registry.ts";
import { joinServiceManager } from "./windows_service.ts";

/** Where the service control manager keeps what it knows. */
const SERVICES = "SYSTEM\\CurrentControlSet\\Services";

/** The services of this machine: read in the registry, changed by the system's own tool. */
export const windowsServices: SystemServices = {
  describe(name) {
    const read = (value: string) =>
      readRegistryText({ hive: "HKLM", key: `${SERVICES}\\${name}`, name: value });
    return read("ImagePath") === undefined ? undefined : read("Description") ?? "";
  },
  async change(args) {
    const command = new Deno.Command(systemFile("sc.exe"), {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).code;
  },
  join: joinServiceManager,
};
