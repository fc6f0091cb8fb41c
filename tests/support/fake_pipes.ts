import type { Platform } from "../../src/platform/contract.ts";
import type {
  AcceptedPeers,
  LocalListener,
  LocalPipes,
  PipeConnection,
} from "../../src/platform/local_socket.ts";
import { selectPlatform } from "../../src/platform/select.ts";

/** What a system with named pipes says, in the words of a test; by default that there are none. */
export interface PipeAnswers {
  /** What becomes of a wish to connect. */
  readonly connect?: () => PipeConnection;
  /** What a name that is listened on gives; `undefined` where another has it. */
  readonly listen?: () => LocalListener & AcceptedPeers | undefined;
}

export const PIPE_PREFIX = "\\\\.\\pipe\\";

/** This system, as if its local sockets were named pipes. */
export function platformWithPipes(
  { connect = () => ({ kind: "absent" }), listen = () => undefined }: PipeAnswers,
): Platform {
  const pipes: LocalPipes = { prefix: PIPE_PREFIX, listen, connect };
  return { ...selectPlatform(), pipes };
}
