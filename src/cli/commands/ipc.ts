import { SentinelError } from "../../core/errors.ts";
import { escapeControls } from "../../core/text.ts";
import { type IpcMessage, requestIpc, watchIpc } from "../../ipc/client.ts";
import { IpcClientError } from "../../ipc/errors.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { requireOrganizationKey } from "../organization_key_source.ts";
import { UsageError } from "../usage_error.ts";

const METHODS = [
  ...["get_license", "get_features", "health", "status", "watch"],
  ...["reload", "stop", "restart", "stats", "debug"],
];

export const command: Command = {
  usage: "METHOD [--socket PATH] [--proof] [--json]",
  options: ["socket", "proof", "org-key", "json"],
  operands: { min: 1, max: 1, words: METHODS },
  notes: [
    `Methods: ${METHODS.join(", ")}.`,
    "The answer is JSON; with --json it is the line as received. `watch` runs until it is interrupted.",
    "`health` tells the truth about the software, as a container's health check: 1 if it does not run or is unhealthy.",
    "With --proof, `get_license` asks for the license file and for the license server's answer to a nonce, and checks both",
    "with the organization's key, as software can (docs/IPC.md).",
    "Exit status: 0, 80 if the license is not proven, 86 if permission is denied, 87 if no sentinel answers.",
  ],
  async run(context) {
    const { args } = context;
    const method = args.operands[0]!;
    if (args.flag("proof") && method !== "get_license") {
      throw new UsageError("--proof is for get_license");
    }
    const path = await chooseSocket(context);
    if (args.flag("proof")) return await printProof(path, context);
    if (method === "health") await requireHealth(path);
    if (method !== "watch") return print(await requestIpc({ path, method }), context);
    for await (const message of watchIpc({ path })) print(message, context);
    return EXIT.ok;
  },
};

async function printProof(path: string, context: CommandContext): Promise<number> {
  const orgKey = requireOrganizationKey(context);
  const { askForProof } = await import("../../app/license_proof.ts");
  const { answer, shown } = await askForProof({ path, orgKey, clock: context.clock });
  const status = print(answer, context);
  for (const line of shown) context.output.note(escapeControls(line));
  return status;
}

/** @throws {SentinelError} `unhealthy` if the software does not run, or its health check fails. */
async function requireHealth(path: string): Promise<void> {
  const { value: { state, pid, health } } = await requestIpc({ path, method: "status" });
  if (pid === undefined) {
    throw new SentinelError("unhealthy", `the software does not run (${state})`);
  }
  const { status, last_error } = (health ?? {}) as Record<string, unknown>;
  if (status !== "unhealthy") return;
  const why = last_error === undefined ? "" : `: ${last_error}`;
  throw new SentinelError("unhealthy", `the software is unhealthy${why}`);
}

/** @throws {UsageError} if there are several sockets. */
async function chooseSocket({ args }: CommandContext): Promise<string> {
  const given = args.value("socket") ?? Deno.env.get("SENTINEL_IPC_SOCKET");
  if (given !== undefined && given !== "") return given;
  const { findSockets } = await import("../../ipc/client.ts");
  const [only, ...others] = await findSockets((name) => Deno.env.get(name));
  if (only === undefined) throw new IpcClientError("absent.socket");
  if (others.length === 0) return only;
  throw new UsageError(`--socket is required: found ${[only, ...others].join(", ")}`);
}

function print({ line, value }: IpcMessage, { args, output }: CommandContext): number {
  if (value["status"] === "error") throw toError(String(value["error"]));
  output.result(args.flag("json") ? line : JSON.stringify(value, undefined, 2));
  return EXIT.ok;
}

/** Converts the server's error message to an error with an exit status. */
function toError(message: string): SentinelError {
  const code = /^(?:unknown method|not supported)/.test(message)
    ? "usage"
    : message.startsWith("permission denied")
    ? "permission.method"
    : "absent.answer";
  return new SentinelError(code, message);
}
