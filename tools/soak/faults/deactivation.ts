import { EXIT } from "../../../src/cli/exit_codes.ts";
import type { FaultKind } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

/** Without the server, while the license is suspended, or if nothing can be saved. */
const EXPLAINED: readonly number[] = [EXIT.ok, EXIT.unreachable, EXIT.refused, EXIT.usage];

/** A customer gives a license's place back, and activates the license again. */
export const deactivation: FaultKind = {
  weight: 1,
  draw(draw) {
    const target = drawRun(draw);
    return {
      words: `license of ${target} deactivated`,
      async inflict(system) {
        const { code, stderr } = await licensedOf(system, target)!.deactivate();
        if (EXPLAINED.includes(code)) return;
        throw new Error(`Cannot deactivate ${target}: status ${code}, having said:\n${stderr}`);
      },
    };
  },
};
