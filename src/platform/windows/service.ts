import { advapi32 } from "../../../ffi/advapi32.ts";
import type { ServiceMembership, ServiceState, SystemServices } from "../contract.ts";
import { runToEnd } from "../../core/process.ts";
import { encodeWide } from "./handles.ts";
import { getSystemFile } from "../../../ffi/windows_library.ts";
import { readRegistryText } from "./registry.ts";

/** winsvc.h: SERVICE_WIN32_OWN_PROCESS, states, accepted controls, and controls. */
const OWN_PROCESS = 0x10, STOPPED = 1;
const STATES = { starting: 2, stopping: 3, running: 4 } as const;
const ACCEPT_STOP = 0x1, ACCEPT_SHUTDOWN = 0x4;
const CONTROL_STOP = 1, CONTROL_INTERROGATE = 4, CONTROL_SHUTDOWN = 5;

/** winerror.h. */
const NOT_IMPLEMENTED = 120, SERVICE_SPECIFIC_ERROR = 1066;

/** Wait hints for start and stop; a slow child may delay the stop. */
const START_HINT_MS = 120_000, STOP_HINT_MS = 60_000;

const SERVICE_MAIN = { parameters: ["u32", "usize"], result: "void" } as const;
const HANDLER = { parameters: ["u32", "u32", "usize", "usize"], result: "u32" } as const;

/**
 * Connects to the service control manager, which calls back on its own threads. Once in a process.
 *
 * @returns `undefined` if the manager did not start this process.
 */
async function joinServiceManager(): Promise<ServiceMembership | undefined> {
  const member = new Membership();
  return await member.join() ? member : undefined;
}

class Membership implements ServiceMembership {
  readonly #stop = new AbortController();
  readonly #joined = Promise.withResolvers<void>();
  // ignored for SERVICE_WIN32_OWN_PROCESS
  readonly #name = encodeWide("");
  readonly #handler = Deno.UnsafeCallback.threadSafe(HANDLER, (control) => this.#control(control));
  readonly #main = Deno.UnsafeCallback.threadSafe(SERVICE_MAIN, () => this.#begin());
  #dispatched: Promise<number> | undefined;
  #handle = 0n;

  get stopRequested(): AbortSignal {
    return this.#stop.signal;
  }

  async join(): Promise<boolean> {
    const { StartServiceCtrlDispatcherW } = advapi32();
    // SERVICE_TABLE_ENTRYW: a name and a function; ends with two nulls
    const table = new BigUint64Array([
      findAddress(this.#name),
      findAddress(this.#main.pointer),
      0n,
      0n,
    ]);
    this.#dispatched = StartServiceCtrlDispatcherW(table);
    const isJoined = await Promise.race([
      this.#joined.promise.then(() => true),
      this.#dispatched.then(() => false),
    ]);
    if (!isJoined) this.#close();
    return isJoined;
  }

  report(state: ServiceState): void {
    const hintMs = { starting: START_HINT_MS, running: 0, stopping: STOP_HINT_MS }[state];
    this.#setStatus(STATES[state], { hintMs });
  }

  async end(status: number): Promise<void> {
    this.#setStatus(STOPPED, { status });
    await this.#dispatched;
    this.#close();
  }

  #begin(): void {
    const { RegisterServiceCtrlHandlerExW } = advapi32();
    this.#handle = RegisterServiceCtrlHandlerExW(this.#name, this.#handler.pointer, 0n);
    this.report("starting");
    this.#joined.resolve();
  }

  #control(control: number): number {
    if (control === CONTROL_STOP || control === CONTROL_SHUTDOWN) {
      this.report("stopping");
      this.#stop.abort();
      return 0;
    }
    return control === CONTROL_INTERROGATE ? 0 : NOT_IMPLEMENTED;
  }

  /** SERVICE_STATUS: type, state, accepted controls, error, service-specific error, checkpoint, wait hint. */
  #setStatus(
    state: number,
    { hintMs = 0, status = 0 }: { hintMs?: number; status?: number },
  ): void {
    const accepted = state === STATES.running ? ACCEPT_STOP | ACCEPT_SHUTDOWN : 0;
    const error = status === 0 ? 0 : SERVICE_SPECIFIC_ERROR;
    advapi32().SetServiceStatus(
      this.#handle,
      new Uint32Array([OWN_PROCESS, state, accepted, error, status, 0, hintMs]),
    );
  }

  #close(): void {
    this.#main.close();
    this.#handler.close();
  }
}

function findAddress(at: Deno.PointerValue | Uint16Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(ArrayBuffer.isView(at) ? Deno.UnsafePointer.of(at) : at);
}

/** Registry key of the service control manager. */
const SERVICES = "SYSTEM\\CurrentControlSet\\Services";

/** Services of this machine: read from the registry, changed by sc.exe. */
export const windowsServices: SystemServices = {
  describe(name) {
    const read = (value: string) =>
      readRegistryText({ hive: "HKLM", key: `${SERVICES}\\${name}`, name: value });
    return read("ImagePath") === undefined ? undefined : read("Description") ?? "";
  },
  async change(args) {
    const options = { args, stdout: "null", stderr: "null" } as const;
    return (await runToEnd(getSystemFile("sc.exe"), options)).code;
  },
  join: joinServiceManager,
};
