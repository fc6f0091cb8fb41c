/** Labels of the two kinds of key that are read and written (RFC 7468). */
type PemLabel = "PUBLIC KEY" | "PRIVATE KEY";

/** The DER bytes of the text's one PEM block with this label (RFC 7468), or `undefined` where there is none. */
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

/** PEM text of DER bytes: lines of 64 characters, a newline at the end. */
export function encodePem(der: Uint8Array, label: PemLabel): string {
  const base64 = btoa(String.fromCharCode(...der));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
