import type { ProcessIdentity } from "../core/process_identity.ts";
import type { SocketClaim } from "../ipc/socket_owner.ts";
import type { ChildRecord, RecordedSoftware } from "./software.ts";

/** The record of the software in the lock file beside the socket: the leader's identity and the mark, flat. */
export function childRecordIn(claim: SocketClaim): ChildRecord {
  return {
    read: async () => parse(await claim.readRecord()),
    write: (software) => claim.writeRecord(software && { ...software.leader, mark: software.mark }),
  };
}

function parse(record: unknown): RecordedSoftware | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { mark, ...leader } = record as Record<string, unknown>;
  if (typeof mark !== "string" || mark === "") return undefined;
  return isIdentity(leader) ? { mark, leader } : { mark };
}

function isIdentity(value: object): value is ProcessIdentity {
  const { pid, startTime, bootId } = value as Record<string, unknown>;
  return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 1 &&
    typeof startTime === "string" && typeof bootId === "string";
}
