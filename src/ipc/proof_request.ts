import { validate as isUuidV4 } from "@std/uuid/v4";

/** Which proof of its license a client asks for. */
export interface ProofRequest {
  /** Whether the answer has the license file. */
  readonly proof: boolean;
  /** For an answer of the license server to it. */
  readonly nonce: string | undefined;
}

/** Returns the fields that are added to the answer to `get_license`. */
export type ProveLicense = (request: ProofRequest, signal: AbortSignal) => Promise<object>;

/** Parameters of the wrong form, as the answer describes them. */
export interface ProofFault {
  readonly fault: string;
}

/** Reads the parameters of `get_license`; `undefined` if they ask for no proof. */
export function readProofRequest(
  { proof = false, nonce }: Readonly<Record<string, unknown>>,
): ProofRequest | ProofFault | undefined {
  if (typeof proof !== "boolean") return { fault: "proof must be true or false" };
  if (nonce === undefined) return proof ? { proof, nonce } : undefined;
  if (typeof nonce === "string" && isUuidV4(nonce)) return { proof, nonce };
  return { fault: "nonce must be a UUID v4" };
}

/** The fields of an answer that withholds the proof, as those of a license server that is out of reach. */
export function withholdProof({ proof, nonce }: ProofRequest): object {
  return {
    ...(proof && { envelope: null }),
    ...(nonce !== undefined && { answer: null, reason: "unreachable" }),
  };
}
