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

/** A copy of the state that shows whether an older state was restored. */
export type StateReplica = Pick<StateFile, "read" | "save" | "delete">;

/** A replica in the user's keyring. */
export interface KeyringReplica extends StateReplica {
  /** The present period of the keyring, as far as it answers. */
  period(): string | undefined;
  /** The period in which the saved replica stays; `undefined` if it may get lost, or was not saved. */
  keptPeriod(): string | undefined;
  /** Longest time that it stays without a save. */
  readonly longestMs: number;
}

/**
 * The replica outside the state folder: a file named after the machine.
 *
 * @param folder Created at the first save (0700); `undefined` if the user has no home directory.
 */
export function openOuterReplica(
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
 * The replica in the user's keyring, under the machine's name.
 *
 * @param scope Keeps the replicas of products apart that share a machine id since version 0.1.
 */
export function openKeyringReplica(
  keyring: UserKeyring | undefined,
  key: CryptoKey,
  scope?: string,
): (machineId: string) => KeyringReplica | undefined {
  return (machineId) => {
    if (keyring === undefined) return undefined;
    const { memory } = keyring;
    const name = formatReplicaName(machineId, scope);
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
      period: () => memory?.period(),
      keptPeriod: () =>
        memory?.isLasting() && keyring.read(name) !== undefined ? memory.period() : undefined,
      longestMs: memory?.longestMs ?? 0,
    };
  };
}

/** Name of a machine's replica in the keyring. */
export function formatReplicaName(machineId: string, scope?: string): string {
  return `sentinel-drm:${scope === undefined ? "" : `${scope}/`}${machineId}`;
}

interface GuardedLoad {
  /** `undefined` if this machine has never run. */
  readonly state: State | undefined;
  /** Path of the unreadable state in quarantine. */
  readonly quarantinedAs?: string;
  /** Evidence that an older state was restored, as text for people. */
  readonly rollback?: string;
}

interface SaveOptions {
  /** Writes the replicas first, for a charge on the grace budget: a kill in between then refunds nothing. */
  readonly ahead: boolean;
}

interface StateReplicas {
  /** Beside the state file. */
  readonly inner: StateReplica;
  /** Whether saves are written to the replica outside. One that exists is read in any case. */
  readonly keepsOuter: boolean;
  /** Outside the state folder; `undefined` if the user has no home directory. */
  readonly outerOf: (machineId: string) => StateReplica | undefined;
  /** In the user's keyring; a missing one is evidence in the period in which it was saved. */
  readonly volatileOf: (machineId: string) => KeyringReplica | undefined;
}

/**
 * A state file with three replicas: beside it, in another folder (detects a restore of the whole folder) and in the user's
 * keyring (detects a restore of both folders).
 *
 * Each save increments a counter. A charge on the grace budget is written to the replicas first, so they are at most one
 * save ahead of the file; the next start then takes the replica. A file that is further behind was restored.
 */
export class RollbackGuard {
  readonly #file: StateFile;
  readonly #inner: StateReplica;
  readonly #keepsOuter: boolean;
  readonly #outerOf: StateReplicas["outerOf"];
  readonly #volatileOf: StateReplicas["volatileOf"];
  #counter = 0;
  #hasOuter = false;
  #keyringPeriod: string | undefined;
  #machineId: string | undefined;
  /** The state that the replicas do not have yet. */
  #pending: State | undefined;

  constructor(file: StateFile, { inner, keepsOuter, outerOf, volatileOf }: StateReplicas) {
    this.#file = file;
    this.#inner = inner;
    this.#keepsOuter = keepsOuter;
    this.#outerOf = outerOf;
    this.#volatileOf = volatileOf;
  }

  /** Loads the state. Quarantines an unreadable file and takes a replica without its activations. */
  async load(wallMs: number): Promise<GuardedLoad> {
    const [loaded, inner] = await Promise.all([this.#file.load(wallMs), this.#inner.read()]);
    const own = loaded.kind === "loaded" ? loaded.state : undefined;
    this.#machineId = own?.machine_id ?? inner?.machine_id;
    const [outer, volatile] = await this.#readElsewhere();
    const replica = chooseNewer(chooseNewer(inner, outer), volatile);
    const result = judge(loaded, {
      replica,
      hasInner: inner !== undefined,
      hasOuter: outer !== undefined,
      hasLostVolatile: volatile === undefined && own !== undefined && this.#mustHave(own, wallMs),
    });
    this.#counter = result.state?.counter ?? 0;
    this.#keyringPeriod = result.state?.keyring_period;
    this.#hasOuter = result.state?.has_outer_witness ?? false;
    if (result.state !== undefined && result.state !== own) await this.#file.save(result.state);
    return result;
  }

  /**
   * Begins with the state of another file, which stays as it is. Replicas that are more than one save ahead of it were
   * written after an earlier adoption: the present folder was deleted, or the other file restored.
   *
   * @param change Applied to the state that is saved here.
   */
  async adopt(other: State, change: (state: State) => State): Promise<GuardedLoad> {
    this.#machineId = other.machine_id;
    const [outer, volatile] = await this.#readElsewhere();
    const replica = chooseNewer(outer, volatile);
    const isBehind = replica !== undefined && replica.counter > other.counter + 1;
    const state = isBehind ? requireAnswer(replica) : change(other);
    this.#counter = state.counter;
    await this.save(state, { ahead: true });
    if (!isBehind) return { state };
    const rollback = `found save ${other.counter}, but save ${replica.counter} is on record`;
    return { state, rollback };
  }

  async save(state: State, { ahead }: SaveOptions): Promise<void> {
    this.#machineId = state.machine_id;
    const counter = this.#counter + 1;
    // a state without the mark of this period would pass for an older boot's
    ahead ||= this.#lacksPeriod(state.machine_id);
    if (ahead) await this.#saveReplicas({ ...state, counter });
    const hasOuter = this.#keepsOuter && this.#hasOuter;
    const next = { ...state, counter, has_outer_witness: hasOuter, ...this.#period };
    await this.#file.save(next);
    if (this.#hasOuter && !this.#keepsOuter) await this.#dropOuter(state.machine_id);
    // a failed save is repeated with the same number, so the replicas are never further ahead
    this.#counter = counter;
    this.#pending = ahead ? undefined : next;
  }

  /** Saves the latest state in the replicas if they do not have it yet. */
  async updateReplicas(): Promise<void> {
    if (this.#pending === undefined) return;
    await this.#saveReplicas(this.#pending);
    this.#pending = undefined;
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

  /** Writes the replicas outside first, as they are harder to tamper with. */
  async #saveReplicas(state: State): Promise<void> {
    const volatile = this.#volatileOf(state.machine_id);
    await volatile?.save(state);
    this.#keyringPeriod = volatile?.keptPeriod();
    if (this.#keepsOuter) this.#hasOuter = await this.#saveOuter(state);
    const hasOuter = this.#keepsOuter && this.#hasOuter;
    await this.#inner.save({ ...state, has_outer_witness: hasOuter, ...this.#period });
  }

  get #period(): Pick<State, "keyring_period"> {
    return { keyring_period: this.#keyringPeriod };
  }

  #lacksPeriod(machineId: string): boolean {
    const period = this.#volatileOf(machineId)?.period();
    return period !== undefined && period !== this.#keyringPeriod;
  }

  /** Whether the keyring must still have the replica of this state. */
  #mustHave({ machine_id, keyring_period, latest_known_ms }: State, wallMs: number): boolean {
    if (keyring_period === undefined) return false;
    const volatile = this.#volatileOf(machine_id);
    return volatile !== undefined && volatile.period() === keyring_period &&
      wallMs - latest_known_ms < volatile.longestMs;
  }

  async #saveOuter(state: State): Promise<boolean> {
    const outer = this.#outerOf(state.machine_id);
    return await outer?.save({ ...state, has_outer_witness: true, ...this.#period }).then(
      () => true,
      () => false,
    ) ??
      false;
  }

  /** Removes the replica that an earlier version kept outside, once the state no longer demands it. */
  async #dropOuter(machineId: string): Promise<void> {
    await this.#outerOf(machineId)?.delete().catch(() => {});
    this.#hasOuter = false;
  }
}

function chooseNewer(a: State | undefined, b: State | undefined): State | undefined {
  return a === undefined || (b !== undefined && b.counter > a.counter) ? b : a;
}

function judge(
  loaded: LoadedState,
  { replica, hasInner, hasOuter, hasLostVolatile }: {
    replica: State | undefined;
    hasInner: boolean;
    hasOuter: boolean;
    hasLostVolatile: boolean;
  },
): GuardedLoad {
  if (loaded.kind === "loaded") {
    const { state } = loaded;
    if (replica !== undefined && replica.counter > state.counter) {
      if (replica.counter === state.counter + 1) return { state: replica };
      const rollback = `found save ${state.counter}, but save ${replica.counter} is on record`;
      return { state: requireAnswer(replica), rollback };
    }
    const isLost = hasLostVolatile || (state.counter > 0 && !hasInner) ||
      (state.has_outer_witness && !hasOuter);
    if (!isLost) return { state };
    return { state: requireAnswer(state), rollback: "a replica is missing" };
  }
  const quarantined = loaded.kind === "quarantined" ? { quarantinedAs: loaded.path } : {};
  if (replica === undefined) return { state: undefined, ...quarantined };
  if (loaded.kind === "absent" && replica.counter === 1) return { state: replica };
  const licenses = replica.licenses.map((record) => ({ ...record, activated: false }));
  const rollback = `the state is missing, but save ${replica.counter} is on record`;
  return {
    state: requireAnswer({ ...replica, licenses }),
    ...(loaded.kind === "absent" ? { rollback } : quarantined),
  };
}

/** Withholds grace until the server answers. */
function requireAnswer(state: State): State {
  return { ...state, is_unconfirmed: true };
}
