import { COMPONENTS, type FingerprintSources } from "../../src/platform/hardware_ids.ts";

/** A machine that tells everything of itself, which the one that runs the test may not; `name` tells it from others. */
export function machineSources(name: string): FingerprintSources {
  const entries = COMPONENTS.map((component) => [component, [{
    place: component,
    read: () => ({ value: `${component} of ${name}` }),
  }]]);
  return Object.fromEntries(entries) as FingerprintSources;
}
