/** What makers write where a number was to be, in lower case without what is neither letter nor digit. */
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
  // the UUID of many boards whose maker set none
  "03000200040005000006000700080009",
]);

/** Whether a value stands for none, so that many machines have it. */
export function isPlaceholder(value: string): boolean {
  const bare = value.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
  return PLACEHOLDERS.has(bare) || /^(?:0+|f{4,}|x{4,})$/.test(bare);
}
