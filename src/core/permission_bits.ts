/** Who may do what with a file, as chmod(1) has it; `null` where the system has no such bits, and the runtime makes some up. */
export function permissionBits({ mode, uid }: Pick<Deno.FileInfo, "mode" | "uid">): number | null {
  return uid === null ? null : mode;
}
