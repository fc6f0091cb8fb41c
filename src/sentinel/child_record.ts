import type { SocketClaim } from "../ipc/socket_owner.ts";
import type { TreeRoot } from "../process/process_tree.ts";
import type { ChildRecord } from "./software.ts";

/** The record of the software in the lock file beside the socket: the leader's identity and the mark, flat. */
export function childRecordIn(claim: SocketClaim): ChildRecord {
  return {
    read: async () => parseRoot(await claim.readRecord()),
    write: (root) => claim.writeRecord(root && { ...root.leader, mark: root.mark }),
  };
}

function parseRoot(record: unknown): TreeRoot | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { pid, startTime, bootId, mark } = record as Record<string, unknown>;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
  if (typeof startTime !== "string" || typeof bootId !== "string") return undefined;
  return {
    leader: { pid, startTime, bootId },
    mark: typeof mark === "string" && mark !== "" ? mark : undefined,
  };
}
