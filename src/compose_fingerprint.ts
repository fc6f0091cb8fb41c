import { type Hardware, readHardware } from "./license/fingerprint.ts";
import { selectPlatform } from "./platform/select.ts";

/** The components of this machine. */
export async function readThisMachine(): Promise<Hardware> {
  return await readHardware(await selectPlatform().fingerprintSources());
}
