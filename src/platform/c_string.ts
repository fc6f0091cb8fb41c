const UTF8 = new TextEncoder();

/** UTF-8 with its NUL, as C has text. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return UTF8.encode(text + "\0");
}
