import type { ClientSettings } from "../../app/remote_client.ts";
import type { RemoteClient } from "../../remote/client.ts";
import type { ProcessStatus } from "../../remote/wire.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { suggest, UsageError } from "../usage_error.ts";

type Action = (client: RemoteClient, context: CommandContext) => Promise<number>;

/** The client's actions, and the number of operands after each name. */
const ACTIONS: Readonly<Record<string, { readonly run: Action; readonly operands: 0 | 1 }>> = {
  start: { run: start, operands: 0 },
  status: { run: status, operands: 1 },
  stop: { run: stop, operands: 1 },
  restart: { run: restart, operands: 1 },
  stream: { run: stream, operands: 1 },
  list: { run: list, operands: 0 },
};

export const command: Command = {
  usage:
    "-c CERT -k KEY -C CA -a ADDRESS -p PORT start CMD [ARG…] | status ID | stop ID | restart ID | stream ID | list",
  options: [
    "certificate",
    "key",
    "certificate-authority",
    "address",
    "port",
    "server-name",
    "trust-on-first-use",
    "json",
  ],
  operands: { min: 1, max: 2, words: Object.keys(ACTIONS) },
  passesAfter: "start",
  notes: [
    "Every argument after `start` belongs to the process. `stream` prints the process's output from the beginning, waits",
    "until the process exits, and returns 0; Ctrl-C ends `stream`, not the process.",
    "Exit status: 0, 84 if the process cannot be launched, 86 if permission is denied or a certificate is not accepted,",
    "87 if no server answers, 88 if the process is not found.",
  ],
  async run(context) {
    const action = chooseAction(context);
    const settings = readSettings(context);
    const { openClient } = await import("../../app/remote_client.ts");
    return await action(await openClient(settings, context.log), context);
  },
};

/** @throws {UsageError} */
function chooseAction({ args }: CommandContext): Action {
  const [name = "", operand] = args.operands;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    throw new UsageError(`unknown command: client ${name}${suggest(name, Object.keys(ACTIONS))}`);
  }
  if (action.operands === 0 && operand !== undefined) {
    throw new UsageError(`unexpected argument: ${operand}`);
  }
  if (action.operands === 1 && operand === undefined) {
    throw new UsageError(`client ${name} needs a process id`);
  }
  if (name === "start" && args.passed.length === 0) {
    throw new UsageError("client start needs a command");
  }
  return action.run;
}

function readSettings({ args, output }: CommandContext): ClientSettings {
  const address = args.required("address");
  const port = args.requiredInteger("port", { min: 1, max: 65_535 });
  const common = {
    certificatePath: args.required("certificate"),
    keyPath: args.required("key"),
    address,
    port,
  };
  if (!args.flag("trust-on-first-use")) {
    const certificateAuthorityPath = args.required("certificate-authority");
    const serverName = args.value("server-name");
    return { ...common, trust: { kind: "authority", certificateAuthorityPath, serverName } };
  }
  if (args.value("certificate-authority") !== undefined) {
    throw new UsageError("--trust-on-first-use and --certificate-authority exclude each other");
  }
  const onFirstUse = (fingerprint: string) =>
    output.note(
      `first use of ${address} port ${port}: remembering its certificate (SHA-256 ${fingerprint})`,
    );
  return { ...common, trust: { kind: "first_use", onFirstUse } };
}

async function start(client: RemoteClient, { args, output }: CommandContext): Promise<number> {
  const [name, ...rest] = args.passed;
  const id = await client.start(name!, rest);
  output.result(args.flag("json") ? JSON.stringify({ id }) : id);
  return EXIT.ok;
}

async function status(client: RemoteClient, context: CommandContext): Promise<number> {
  const found = await client.status(context.args.operands[1]!);
  return printFound(found, context, describe);
}

async function stop(client: RemoteClient, context: CommandContext): Promise<number> {
  const found = await client.stop(context.args.operands[1]!);
  return printFound(found, context, () => "process stopped");
}

/** Prints a process, or `process not found`, which is a result and not an error. */
function printFound(
  found: ProcessStatus | undefined,
  { args, output }: CommandContext,
  words: (found: ProcessStatus) => string,
): number {
  if (args.flag("json")) output.result(JSON.stringify(found ?? { error: "process not found" }));
  else output.result(found === undefined ? "process not found" : words(found));
  return found === undefined ? EXIT.processNotFound : EXIT.ok;
}

function describe({ state, exit_code, signal }: ProcessStatus): string {
  if (state === "exited") return `exited: ${exit_code}`;
  return state === "killed" ? `killed: ${signal}` : state;
}

async function restart(
  client: RemoteClient,
  { args, output }: CommandContext,
): Promise<number> {
  const id = await client.restart(args.operands[1]!);
  const answer = id === undefined ? { error: "process not found" } : { id };
  if (args.flag("json")) output.result(JSON.stringify(answer));
  else output.result(id ?? "process not found");
  return id === undefined ? EXIT.processNotFound : EXIT.ok;
}

async function stream(
  client: RemoteClient,
  { args, output }: CommandContext,
): Promise<number> {
  for await (const item of client.stream(args.operands[1]!)) {
    if (item.kind === "bytes") {
      if (!output.forward(item.stream, item.bytes)) break;
    } else if (item.kind === "gap") {
      const { from, to } = item;
      output.note(`sentinel: output is missing here: ${JSON.stringify({ from, to })}`);
    } else if (item.kind === "fault") {
      const { at, message } = item;
      output.note(`sentinel: recording stopped: ${JSON.stringify({ at, message })}`);
    }
  }
  return EXIT.ok;
}

async function list(client: RemoteClient, { args, output }: CommandContext): Promise<number> {
  const processes = await client.list();
  output.result(
    args.flag("json") ? JSON.stringify(processes) : formatProcessTable(processes, describe),
  );
  return EXIT.ok;
}

const HEAD = ["ID", "STATE", "STARTED", "OUTPUT", "COMMAND"];

/** A table with a line for each process. Control characters are escaped, so that a command cannot forge a line. */
function formatProcessTable(
  processes: readonly ProcessStatus[],
  describe: (process: ProcessStatus) => string,
): string {
  const rows = [
    HEAD,
    ...processes.map((process) => [
      process.id,
      describe(process),
      process.started_at,
      `${process.output_bytes} B`,
      [process.command, ...process.args].map(quoteWord).join(" ") +
      (process.args_hidden === true ? " …" : ""),
    ]),
  ];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  ).join("\n");
}

/** Text without spaces, quotes and control characters as it is, other text as JSON. */
function quoteWord(text: string): string {
  return /^[^\s"'\\\p{C}]+$/u.test(text)
    ? text
    : JSON.stringify(text).replaceAll(/\p{C}/gu, (char) =>
      `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
