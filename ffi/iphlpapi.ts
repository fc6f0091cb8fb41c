import { openSystemLibrary } from "./windows_library.ts";

/** iphlpapi.dll: network interfaces. */
export const iphlpapi = openSystemLibrary("iphlpapi.dll", {
  // NETIO_STATUS GetIfTable2(PMIB_IF_TABLE2 *Table)
  GetIfTable2: { parameters: ["buffer"], result: "u32" },
  // VOID FreeMibTable(PVOID)
  FreeMibTable: { parameters: ["usize"], result: "void" },
});
