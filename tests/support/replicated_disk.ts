import { copyFolder } from "./copy_folder.ts";
import { createState } from "../../src/enforcement/grace.ts";
import { openKeyringReplica } from "../../src/state/rollback_guard.ts";
import { openOuterReplica, type StateReplica } from "../../src/state/rollback_guard.ts";
import { type State, StateFile } from "../../src/state/state_file.ts";
import { RollbackGuard } from "../../src/state/rollback_guard.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

/** Time at which tests load a state. */
export const NOW = Date.parse("2026-06-15T12:00:00Z");
/** A keyring loses what was not written for so long. */
export const KEYRING_KEEPS_MS = 90 * 86_400_000;
/** The machine of {@linkcode withGrace}. */
export const MACHINE = "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11";

/** A state folder and one outside. Their files survive the process, which is killed after `writesLeft` writes. */
export class Disk implements AsyncDisposable {
  writesLeft = Infinity;
  hasOuter = true;
  keepsOuter = true;
  /** Replaces the user's keyring; `undefined` if the test has none. */
  keyring: Map<string, Uint8Array<ArrayBuffer>> | undefined;
  /** The boot until whose end the keyring keeps what it has; `undefined` if it does not answer. */
  boot: string | undefined = "boot 1";
  /** Whether it keeps that at all. */
  isLasting = true;

  private constructor(readonly folder: TemporaryFolder, readonly key: CryptoKey) {}

  static async make(): Promise<Disk> {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
    const folder = await temporaryFolder();
    await Deno.mkdir(folder.at("in"));
    return new Disk(folder, key);
  }

  open(): RollbackGuard {
    const outerOf = openOuterReplica(this.hasOuter ? this.folder.at("out") : undefined, this.key);
    return new RollbackGuard(
      this.#mortal(new StateFile(this.folder.at("in/state"), this.key)) as StateFile,
      {
        keepsOuter: this.keepsOuter,
        inner: this.#mortal(new StateFile(this.folder.at("in/replica"), this.key, "witness")),
        outerOf: (id) => {
          const outer = outerOf(id);
          return outer === undefined ? undefined : this.#mortal(outer);
        },
        volatileOf: (id) => {
          const { keyring } = this;
          if (keyring === undefined) return undefined;
          const replica = openKeyringReplica({
            read: (name) => this.boot === undefined ? undefined : keyring.get(name),
            write: (name, content) => {
              if (this.boot !== undefined) keyring.set(name, content);
            },
            remove: (name) => void keyring.delete(name),
            memory: {
              period: () => this.boot,
              isLasting: () => this.isLasting,
              longestMs: KEYRING_KEEPS_MS,
            },
          }, this.key)(id)!;
          return { ...replica, ...this.#mortal(replica) };
        },
      },
    );
  }

  /** Returns the result of a start, with its grace. */
  async start(
    nowMs = NOW,
  ): Promise<{ found: string; grace: number | undefined; state: RollbackGuard }> {
    const state = this.open();
    const { rollback, quarantinedAs, state: loaded } = await state.load(nowMs);
    const found = rollback ?? (quarantinedAs === undefined ? "nothing" : "quarantined");
    return { found, grace: loaded?.licenses[0]?.grace_remaining_seconds, state };
  }

  async copy(name: string, to: string): Promise<void> {
    const from = this.folder.at(name);
    if ((await Deno.stat(from)).isDirectory) await copyFolder(from, this.folder.at(to));
    else await Deno.copyFile(from, this.folder.at(to));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.folder[Symbol.asyncDispose]();
  }

  #mortal(file: StateReplica): StateReplica & Pick<StateFile, "load"> {
    return {
      load: (wallMs) => (file as StateFile).load(wallMs),
      read: () => file.read(),
      delete: () => file.delete(),
      save: (state) => {
        if (this.writesLeft-- > 0) return file.save(state);
        return Promise.reject(new Error("killed"));
      },
    };
  }
}

/** Returns a state with one license and its remaining grace. */
export function withGrace(seconds: number): State {
  const record = {
    license_key: "K",
    activated: true,
    grace_remaining_seconds: seconds,
    grace_exhausted: false,
    is_decommissioned: false,
    forbidding_status: null,
    unpaid_ms: 0,
    last_alive: null,
  };
  return { ...createState(MACHINE), latest_known_ms: NOW, licenses: [record] };
}

/** Returns a disk with backups of both folders at 300 s of grace, and 100 s left now. */
export async function spent({ hasKeyring = false } = {}): Promise<Disk> {
  const disk = await Disk.make();
  if (hasKeyring) disk.keyring = new Map();
  const state = disk.open();
  await state.save(withGrace(300), { ahead: true });
  await disk.copy("in", "backup");
  await disk.copy("out", "backup-out");
  await state.save(withGrace(200), { ahead: true });
  await state.save(withGrace(100), { ahead: true });
  return disk;
}
