import type { Platform } from "../platform/contract.ts";
import { type VerifiedFile, verifyChecksum } from "../process/checksum.ts";

/** The software's file, whose checksum is verified once for each of its versions. */
export class VerifiedSoftware {
  readonly #path: string;
  readonly #platform: Pick<Platform, "fileVersion">;
  #verified: (VerifiedFile & { readonly checksum: string }) | undefined;

  constructor(path: string, platform: Pick<Platform, "fileVersion">) {
    this.#path = path;
    this.#platform = platform;
  }

  /**
   * Makes sure that the file is the one that the licence is for.
   *
   * @param checksum As the licence has it; without one any file will do.
   * @returns What the launch is to hold the file against.
   * @throws {ChecksumError}
   */
  async verify(checksum: string | undefined): Promise<VerifiedFile | undefined> {
    if (checksum === undefined) return undefined;
    const known = this.#verified;
    const isKnown = known?.checksum === checksum &&
      this.#platform.fileVersion(this.#path) === known.version;
    if (!isKnown) {
      this.#verified = { ...await verifyChecksum(this.#path, checksum, this.#platform), checksum };
    }
    return this.#verified;
  }
}
