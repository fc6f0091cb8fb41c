import { COMMANDS } from "../../src/cli/command_table.ts";
import type { CommandContext } from "../../src/cli/command.ts";
import { createLogger } from "../../src/cli/logging.ts";
import type { Output } from "../../src/cli/output.ts";
import { parseArguments } from "../../src/cli/parse_arguments.ts";
import { systemClock } from "../../src/core/clock.ts";

/**
 * Runs `sentinel vendor …` in this process and returns its output: a test about another program starts one program less for
 * each key and license.
 *
 * @throws What the command throws, or if its exit status is not 0.
 */
export async function runVendorCommand([name, ...rest]: readonly string[]): Promise<string> {
  const command = await COMMANDS[`vendor ${name}`]!.load();
  const results: string[] = [], notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  const output: Output = {
    result: (text) => void results.push(`${text}\n`),
    note,
    forward: () => true,
  };
  const context: Omit<CommandContext, "lastResort"> = {
    ...{ output, build: {}, config: undefined, commands: COMMANDS, clock: systemClock },
    random: Math.random,
    args: parseArguments(rest, command, () => undefined),
    log: createLogger({ level: "warn", format: "text", write: note }),
  };
  // only programs that stay have a last resort
  const status = await command.run(context as CommandContext);
  if (status !== 0) throw new Error(`vendor ${name} ended with ${status}:\n${notes.join("\n")}`);
  return results.join("");
}
