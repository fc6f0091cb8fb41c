/** Values that manufacturers leave in place of a serial number: lower case, letters and digits only. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  "",
  "none",
  "tobefilledbyoem",
  "defaultstring",
  "notspecified",
  "notapplicable",
  "notavailable",
  "notpresent",
  "notsettable",
  "na",
  "unknown",
  "invalid",
  "systemserialnumber",
  "baseboardserialnumber",
  "oem",
  "uninitialized",
  "123456789",
  "0123456789",
  "1234567890",
  // default UUID of many boards
  "03000200040005000006000700080009",
]);

/** Whether a value identifies no machine, because many share it. */
export function isPlaceholder(value: string): boolean {
  const bare = value.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
  return PLACEHOLDERS.has(bare) || /^(?:0+|f{4,}|x{4,})$/.test(bare);
}
