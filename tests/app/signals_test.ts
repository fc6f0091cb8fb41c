import { onSignal, type ProgramName, SIGNALS } from "../../src/app/signals.ts";
import type { SignalAction } from "../../src/platform/contract.ts";
import { selectPlatform } from "../../src/platform/select.ts";

for (const [program, { unix, windows }] of Object.entries(SIGNALS)) {
  const actions = selectPlatform().hasUnixSignals ? unix : windows;
  Deno.test(`every signal that ${program} listens for exists on this system`, () => {
    for (const action of new Set<SignalAction>(Object.values(actions))) {
      onSignal(program as ProgramName, action, () => {})();
    }
  });
}
