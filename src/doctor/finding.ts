/** What doctor looks at, in the order of its lines. */
export type CheckName =
  | "key"
  | "license"
  | "dates"
  | "hardware"
  | "dns"
  | "tcp"
  | "tls"
  | "http"
  | "signature"
  | "clock"
  | "keystore"
  | "state"
  | "socket"
  | "permissions";

/** What one look showed; each text is one line and holds no secret. */
export type Finding =
  | { readonly check: CheckName; readonly outcome: "ok" | "skipped"; readonly found: string }
  | {
    readonly check: CheckName;
    readonly outcome: "failed";
    readonly found: string;
    /** What to do. */
    readonly advice: string;
    /** As an error's: its first part decides the exit status. */
    readonly code: string;
  };

export function ok(check: CheckName, found: string): Finding {
  return { check, outcome: "ok", found };
}

/** For what does not apply, or cannot be looked at because of something that failed before. */
export function skipped(check: CheckName, found: string): Finding {
  return { check, outcome: "skipped", found };
}

export function failed(
  check: CheckName,
  found: string,
  { advice, code }: { advice: string; code: string },
): Finding {
  return { check, outcome: "failed", found, advice, code };
}
