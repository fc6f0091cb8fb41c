/** Labels of the supported kinds of key (RFC 7468). */
type PemLabel = "PUBLIC KEY" | "PRIVATE KEY";

/** Decodes a text that is one PEM block with this label (RFC 7468); `undefined` for anything else. */
export function decodePem(text: string, label: PemLabel): Uint8Array<ArrayBuffer> | undefined {
  const block = new RegExp(
    `^\\s*-----BEGIN ${label}-----\\s+([A-Za-z0-9+/=\\s]+?)\\s*-----END ${label}-----\\s*$`,
  ).exec(text);
  if (block === null) return undefined;
  try {
    return Uint8Array.from(atob(block[1]!.replaceAll(/\s/g, "")), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Encodes DER bytes as PEM, in lines of 64 characters with a final newline. */
export function encodePem(der: Uint8Array, label: PemLabel): string {
  const base64 = btoa(String.fromCharCode(...der));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
