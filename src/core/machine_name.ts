import { hasControls } from "./text.ts";

const MAX_BYTES = 255;

/** The form of a name, in words that fit after `must be`. */
export const MACHINE_NAME_FORM = `printable text of at most ${MAX_BYTES} bytes`;

export function isMachineName(name: string): boolean {
  return name.trim() !== "" && countBytes(name) <= MAX_BYTES && !hasControls(name);
}

/** Makes a name of the machine's host name; `undefined` if nothing printable is in it. */
export function toMachineName(hostName: string): string | undefined {
  let name = Array.from(hostName.toWellFormed()).filter((letter) => !hasControls(letter));
  while (countBytes(name.join("")) > MAX_BYTES) name = name.slice(0, -1);
  return isMachineName(name.join("")) ? name.join("") : undefined;
}

/** Percent-encodes a name, for a header. */
export function encodeMachineName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

/** Returns `undefined` for anything but a name. */
export function decodeMachineName(text: string): string | undefined {
  // each byte takes at most three characters
  if (text.length > 3 * MAX_BYTES) return undefined;
  try {
    const name = decodeURIComponent(text);
    return isMachineName(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

function countBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
