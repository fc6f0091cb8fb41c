import {
  decryptContent,
  encodeState,
  encryptContent,
  type LoadedState,
  parseOpened,
  type State,
  STATE_VERSION,
  StateFile,
} from "./state_file.ts";
import type { UserKeyring } from "../platform/contract.ts";

/** A copy of the state that tells whether the state was put back. */
export type StateReplica = Pick<StateFile, "read" | "save" | "delete">;

/**
 * The witness outside the state folder: a file of the machine's name.
 *
 * @param folder Made at the first save, 0700; `undefined` where there is no place for one.
 */
export function outerReplica(
  folder: string | undefined,
  key: CryptoKey,
): (machineId: string) => StateReplica | undefined {
  return (machineId) => {
    if (folder === undefined) return undefined;
    const file = new StateFile(`${folder}/${machineId}.bin`, key, "witness");
    return {
      read: () => file.read(),
      delete: () => file.delete(),
      async save(state) {
        try {
          await file.save(state);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
          await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
          await file.save(state);
        }
      },
    };
  };
}

/**
 * The witness in the user's keyring: under the machine's name, so that state folders do not get in each other's way. It is
 * in no file, but may be gone at any time, which says nothing.
 */
export function keyringReplica(
  keyring: UserKeyring | undefined,
  key: CryptoKey,
): (machineId: string) => StateReplica | undefined {
  return (machineId) => {
    if (keyring === undefined) return undefined;
    const name = replicaName(machineId);
    const identity = { name, version: STATE_VERSION };
    return {
      read: async () => parseOpened(await decryptContent(identity, key, keyring.read(name))),
      async save(state) {
        keyring.write(name, await encryptContent(identity, key, encodeState(state)));
      },
      delete() {
        keyring.remove(name);
        return Promise.resolve();
      },
    };
  };
}

/** The keyring's name for a machine. */
export function replicaName(machineId: string): string {
  return `sentinel-drm:${machineId}`;
}

/** What was found of a state that has witnesses. */
interface GuardedLoad {
  /** `undefined` where there is none: this machine has never run. */
  readonly state: State | undefined;
  /** Where a state that cannot be read was put. */
  readonly setAside?: string;
  /** What shows that an older state was put back, in plain words. */
  readonly rollback?: string;
}

interface SaveOptions {
  /** For what costs grace: the witnesses are written first, so that not even a kill in between gives any of it back. */
  readonly ahead: boolean;
}

/** Where copies of a state are kept, besides its file. */
interface StateReplicas {
  /** The one beside the state file. */
  readonly inner: StateReplica;
  /** The one elsewhere, of this machine; `undefined` where there is no place for one. */
  readonly outerOf: (machineId: string) => StateReplica | undefined;
  /** One that may be gone at any time, which says nothing. */
  readonly volatileOf: (machineId: string) => StateReplica | undefined;
}

/**
 * A state file with witnesses, which hold a copy of it: one beside it, one in another place, so that putting the whole
 * folder back is seen, too, and one in no file at all, so that putting back both is seen until it is gone.
 *
 * A counter grows with every save. The witnesses are at most one ahead of the file, as the copy is written before it where
 * grace is at stake; a start that finds them so takes the copy, and nothing is lost or given back. Otherwise they may be
 * behind. A file that is behind by more was put back.
 */
export class RollbackGuard {
  readonly #file: StateFile;
  readonly #inner: StateReplica;
  readonly #outerOf: StateReplicas["outerOf"];
  readonly #volatileOf: StateReplicas["volatileOf"];
  #counter = 0;
  #hasOuter = false;
  #machineId: string | undefined;
  /** What the witnesses have not seen yet. */
  #unwitnessed: State | undefined;

  constructor(file: StateFile, { inner, outerOf, volatileOf }: StateReplicas) {
    this.#file = file;
    this.#inner = inner;
    this.#outerOf = outerOf;
    this.#volatileOf = volatileOf;
  }

  /** A state that cannot be read is set aside, never deleted; a witness takes its place, but vouches for no activation. */
  async load(wallMs: number): Promise<GuardedLoad> {
    const [loaded, inner] = await Promise.all([this.#file.load(wallMs), this.#inner.read()]);
    const own = loaded.kind === "loaded" ? loaded.state : undefined;
    this.#machineId = own?.machine_id ?? inner?.machine_id;
    const [outer, volatile] = await this.#readElsewhere();
    const witness = newest(newest(inner, outer), volatile);
    const result = judge(loaded, {
      witness,
      hasInner: inner !== undefined,
      hasOuter: outer !== undefined,
    });
    this.#counter = result.state?.counter ?? 0;
    this.#hasOuter = result.state?.has_outer_witness ?? false;
    if (result.state !== undefined && result.state !== own) await this.#file.save(result.state);
    return result;
  }

  async save(state: State, { ahead }: SaveOptions): Promise<void> {
    this.#machineId = state.machine_id;
    const counter = this.#counter + 1;
    if (ahead) await this.#witness({ ...state, counter });
    const next = { ...state, counter, has_outer_witness: this.#hasOuter };
    await this.#file.save(next);
    // a save that failed is tried again with the same number, so that the witnesses never get further ahead
    this.#counter = counter;
    this.#unwitnessed = ahead ? undefined : next;
  }

  /** Shows the witnesses what they have not seen yet. */
  async updateReplicas(): Promise<void> {
    if (this.#unwitnessed === undefined) return;
    await this.#witness(this.#unwitnessed);
    this.#unwitnessed = undefined;
  }

  async delete(): Promise<void> {
    await this.#file.delete();
    await this.#inner.delete();
    if (this.#machineId === undefined) return;
    await this.#outerOf(this.#machineId)?.delete();
    await this.#volatileOf(this.#machineId)?.delete();
  }

  async #readElsewhere(): Promise<[outer: State | undefined, volatile: State | undefined]> {
    const id = this.#machineId;
    if (id === undefined) return [undefined, undefined];
    return await Promise.all([this.#outerOf(id)?.read(), this.#volatileOf(id)?.read()]);
  }

  /** Those elsewhere are written first, as they are the harder to get at. */
  async #witness(state: State): Promise<void> {
    await this.#volatileOf(state.machine_id)?.save(state);
    const outer = this.#outerOf(state.machine_id);
    this.#hasOuter = await outer?.save({ ...state, has_outer_witness: true })
      .then(() => true, () => false) ?? false;
    await this.#inner.save({ ...state, has_outer_witness: this.#hasOuter });
  }
}

function newest(a: State | undefined, b: State | undefined): State | undefined {
  return a === undefined || (b !== undefined && b.counter > a.counter) ? b : a;
}

function judge(
  loaded: LoadedState,
  { witness, hasInner, hasOuter }: {
    witness: State | undefined;
    hasInner: boolean;
    hasOuter: boolean;
  },
): GuardedLoad {
  if (loaded.kind === "loaded") {
    const { state } = loaded;
    if (witness !== undefined && witness.counter > state.counter) {
      if (witness.counter === state.counter + 1) return { state: witness };
      const rollback = `it is number ${state.counter}, number ${witness.counter} has been seen`;
      return { state: unconfirmed(witness), rollback };
    }
    const isLost = (state.counter > 0 && !hasInner) || (state.has_outer_witness && !hasOuter);
    if (!isLost) return { state };
    return { state: unconfirmed(state), rollback: "a witness of it is gone" };
  }
  const setAside = loaded.kind === "set_aside" ? { setAside: loaded.path } : {};
  if (witness === undefined) return { state: undefined, ...setAside };
  if (loaded.kind === "absent" && witness.counter === 1) return { state: witness };
  const licenses = witness.licenses.map((record) => ({
    ...record,
    activated: false,
  }));
  const rollback = `it is gone, number ${witness.counter} has been seen`;
  return {
    state: unconfirmed({ ...witness, licenses }),
    ...(loaded.kind === "absent" ? { rollback } : setAside),
  };
}

/** Without grace until the server has answered. */
function unconfirmed(state: State): State {
  return { ...state, is_unconfirmed: true };
}
