import { lstatIfThere } from "../core/lstat_if_there.ts";
import { shellWord } from "../core/shell_word.ts";
import { type ServiceDescription, writableFolders } from "./service_file.ts";

/** The command that makes the folders which a service writes in, and which are not there; `undefined` where all are. */
export async function commandForFolders(service: ServiceDescription): Promise<string | undefined> {
  const there = await Promise.all(writableFolders(service).map(lstatIfThere));
  const missing = writableFolders(service).filter((_, i) => there[i] === undefined);
  if (missing.length === 0) return undefined;
  const owner = service.user === undefined ? [] : ["-o", service.user];
  const group = service.group === undefined ? [] : ["-g", service.group];
  return ["install", "-d", "-m", "700", ...owner, ...group, ...missing].map(shellWord).join(" ");
}
