import { kernel32 } from "../../../ffi/kernel32.ts";
import { readWideText } from "./handles.ts";

/** How this very process was started, taken apart as its own start did. */
export function readCommandLine(): readonly string[] {
  return splitCommandLine(readWideText(kernel32().GetCommandLineW()));
}

/**
 * The arguments of a command line, by the rules of CommandLineToArgvW: 2n backslashes and a quote are n backslashes and a
 * quote that groups, 2n + 1 are n backslashes and a quote; two quotes inside a group are one.
 */
export function splitCommandLine(line: string): string[] {
  const args: string[] = [];
  let rest = line.trimStart();
  while (rest !== "") {
    const [taken, arg] = takeArgument(rest);
    args.push(arg);
    rest = rest.slice(taken).trimStart();
  }
  return args;
}

/** The command line that {@linkcode splitCommandLine} takes apart into these words. */
export function joinCommandLine(words: readonly string[]): string {
  return words.map((word) => `"${escapeSlashes(word)}"`).join(" ");
}

/** Before a quote, the one at the end included, backslashes count half. */
function escapeSlashes(word: string): string {
  return word.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&");
}

/** How many characters the first argument takes, and what it is. */
function takeArgument(text: string): [number, string] {
  let arg = "", isQuoted = false, i = 0;
  while (i < text.length && (isQuoted || !/[ \t]/.test(text[i]!))) {
    const [slashes] = /^\\*/.exec(text.slice(i))!;
    i += slashes.length;
    if (text[i] !== '"') {
      arg += slashes;
      if (slashes.length === 0) arg += text[i++];
      continue;
    }
    arg += "\\".repeat(slashes.length >> 1);
    i++;
    if (slashes.length % 2 === 1) arg += '"';
    else if (isQuoted && text[i] === '"') {
      arg += '"';
      i++;
    } else isQuoted = !isQuoted;
  }
  return [i, arg];
}
