/** Stages of degradation, in ascending order. */
const DEGRADE_STAGES = ["normal", "warnings", "errors", "slowdown", "crash"] as const;
export type DegradeStage = (typeof DEGRADE_STAGES)[number];

/** Uniform in [0, 1). */
export type Random = () => number;

/** Errors of degraded license requests, worded like those of a failing system. */
const SYSTEM_ERRORS = [
  "resource temporarily unavailable",
  "connection reset by peer",
  "input/output error",
  "no buffer space available",
  "operation timed out",
] as const;

const FAILING_SHARE = 0.3;
const SLOWEST_MS = 3000, QUICKEST_MS = 500;

/** Whether answers omit features and some fail. */
export function hasErrors(stage: DegradeStage): boolean {
  return DEGRADE_STAGES.indexOf(stage) >= DEGRADE_STAGES.indexOf("errors");
}

/** Draws an error for about three in ten requests, else undefined. */
export function drawError(random: Random): string | undefined {
  if (random() >= FAILING_SHARE) return undefined;
  return SYSTEM_ERRORS[Math.floor(random() * SYSTEM_ERRORS.length)];
}

/** Draws the delay of an answer in milliseconds; 0 before the stage `slowdown`. */
export function drawDelayMs(stage: DegradeStage, random: Random): number {
  if (DEGRADE_STAGES.indexOf(stage) < DEGRADE_STAGES.indexOf("slowdown")) return 0;
  return QUICKEST_MS + random() * (SLOWEST_MS - QUICKEST_MS);
}

/** The license in the answers, with the keys in this order. */
export interface LicenseInfo {
  readonly license_key: string;
  readonly license_type: string;
  readonly expiry_date: string;
  readonly features: Readonly<Record<string, unknown>>;
  readonly org_id: string;
  readonly software_id: string;
}

/** A serialized answer: as the bytes of a line, and as text to insert an `id` into. */
export interface PreparedAnswer {
  /** JSON and a line feed. */
  readonly line: Uint8Array<ArrayBuffer>;
  readonly json: string;
}

/** The license methods' answers, serialized once. */
export interface LicenseAnswers {
  readonly get_license: PreparedAnswer;
  readonly get_features: PreparedAnswer;
}

const UTF8 = new TextEncoder();

/** Serializes an answer. */
export function prepareAnswer(answer: Readonly<Record<string, unknown>>): PreparedAnswer {
  const json = JSON.stringify(answer);
  return { json, line: UTF8.encode(json + "\n") };
}

/** Serializes both answers; with empty features unless `withFeatures`. */
export function prepareLicenseAnswers(
  info: LicenseInfo,
  { withFeatures }: { withFeatures: boolean },
): LicenseAnswers {
  const features = withFeatures ? info.features : {};
  const license: LicenseInfo = {
    license_key: info.license_key,
    license_type: info.license_type,
    expiry_date: info.expiry_date,
    features,
    org_id: info.org_id,
    software_id: info.software_id,
  };
  return {
    get_license: prepareAnswer({ status: "ok", license }),
    get_features: prepareAnswer({ status: "ok", features }),
  };
}

export const OK_ANSWER: PreparedAnswer = prepareAnswer({ status: "ok" });

/** `{"status":"error","error":…}`. */
export function createErrorAnswer(error: string): PreparedAnswer {
  return prepareAnswer({ status: "error", error });
}

/** Appends the request's `id` (JSON text) to an answer. */
export function withId({ json }: PreparedAnswer, idJson: string): PreparedAnswer {
  const text = `${json.slice(0, -1)},"id":${idJson}}`;
  return { json: text, line: UTF8.encode(text + "\n") };
}
