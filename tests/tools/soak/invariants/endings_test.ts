import { assertEquals } from "@std/assert";
import { checkEnding, type Ending } from "../../../../tools/soak/invariants/endings.ts";

function ending(changes: Partial<Ending>): Ending {
  return { name: "run 1", code: 0, wasKilled: false, wasStopped: false, tail: "", ...changes };
}

const EXPLAINED: Readonly<Record<string, Partial<Ending>>> = {
  "a kill by us": { code: 137, wasKilled: true },
  "a stop by us": { code: 0, wasStopped: true },
  "a refusal": { code: 81, tail: "sentinel: error: heartbeat refused: Timestamp is too old.\n" },
  "grace that is used up": { code: 82, tail: "grace period exhausted — cannot start\n" },
  "a full disk at the start": {
    code: 2,
    tail: "cannot save: No space left on device (os error)\n",
  },
  "a clock that was set back": {
    code: 137,
    tail: "license answers are degraded: crash (clock rollback detected)\n",
  },
};

for (const [what, changes] of Object.entries(EXPLAINED)) {
  Deno.test(`${what} explains an end`, () => assertEquals(checkEnding(ending(changes)), []));
}

const UNEXPLAINED: Readonly<Record<string, Partial<Ending>>> = {
  "a fault of ours": { code: 70, tail: "sentinel: error: Cannot read properties of undefined\n" },
  "an end without a cause": { code: 0 },
  "a crash of the runtime": { code: 133 },
  "a kill that nobody here sent": { code: 137 },
  "a status whose words do not fit": { code: 82, tail: "sentinel: error: what?\n" },
  "words whose status does not fit": { code: 70, tail: "heartbeat refused: no\n" },
  "a stop by us that it did not bear": { code: 143, wasStopped: true },
  "a fault of its own at a kill by us": { code: 70, wasKilled: true },
};

for (const [what, changes] of Object.entries(UNEXPLAINED)) {
  Deno.test(`${what} is reported`, () => {
    const [complaint] = checkEnding(ending(changes));
    assertEquals(complaint?.startsWith(`run 1 ended with status ${changes.code}`), true);
  });
}
