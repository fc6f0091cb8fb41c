import { kernel32 } from "../../../ffi/kernel32.ts";
import { readWide } from "./handles.ts";

/** Returns this process's program and arguments. */
export function readCommandLine(): readonly string[] {
  return splitCommandLine(readWide(kernel32().GetCommandLineW()));
}

/**
 * Splits a command line by the rules of CommandLineToArgvW: 2n backslashes and a quote are n backslashes and a grouping
 * quote, 2n + 1 are n backslashes and a literal quote; two quotes inside a group are one.
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

/** Joins words to a command line that {@linkcode splitCommandLine} splits into the same words. */
export function joinCommandLine(words: readonly string[]): string {
  return words.map((word) => `"${escapeSlashes(word)}"`).join(" ");
}

/** Doubles the backslashes before a quote, including the closing one. */
function escapeSlashes(word: string): string {
  return word.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&");
}

/** Returns the length of the first argument in the text, and its value. */
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
