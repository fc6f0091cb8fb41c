import { assertEquals } from "@std/assert";
import type { SocketClaim } from "../../src/ipc/socket_owner.ts";
import { openChildRecord } from "../../src/supervision/child_record.ts";

const LEADER = { pid: 42, startTime: "7", bootId: "b" };

const RECORDS: readonly (readonly [what: string, record: unknown, read: unknown])[] = [
  ["nothing", undefined, undefined],
  ["no record", "text", undefined],
  ["no mark", LEADER, undefined],
  ["an empty mark", { ...LEADER, mark: "" }, undefined],
  ["a mark alone", { mark: "m" }, { launchToken: "m" }],
  ["a leader", { ...LEADER, mark: "m" }, { launchToken: "m", leader: LEADER }],
  ["init as the leader", { ...LEADER, pid: 1, mark: "m" }, { launchToken: "m" }],
  ["a leader that is not a number", { ...LEADER, pid: "42", mark: "m" }, { launchToken: "m" }],
];

for (const [what, record, read] of RECORDS) {
  Deno.test(`a lock file that has ${what} tells of ${JSON.stringify(read) ?? "nobody"}`, async () => {
    const claim = { readRecord: () => Promise.resolve(record) } as unknown as SocketClaim;
    assertEquals<unknown>(await openChildRecord(claim).read(), read);
  });
}
