import type { ProcessIdentity } from "../core/process_identity.ts";
import type { ProcessControl } from "../platform/process_control.ts";
import { MARK_VARIABLE } from "./launch.ts";

/** Who was launched with a mark: the eldest who bears it, as all that it brought forth bears it, too. */
export function findMarked(mark: string, control: ProcessControl): ProcessIdentity | undefined {
  const bearers = control.list().filter(({ pid }) => control.variable(pid, MARK_VARIABLE) === mark);
  const [eldest] = bearers.sort((a, b) => Number(a.startTime) - Number(b.startTime));
  return eldest && control.identify(eldest.pid);
}
