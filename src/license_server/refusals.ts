/** A refused request: HTTP `status`, a stable `code` for programs, a sentence for people. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413;
  readonly code: string;
  readonly error: string;
}

/** The refusals with fixed text. */
export const REFUSALS = {
  bodyTooLarge: { status: 413, code: "body_too_large", error: "Request body exceeds 16 KiB." },
  malformedJson: { status: 400, code: "malformed_json", error: "Request body is not valid JSON." },
  machineIdMismatch: {
    status: 400,
    code: "machine_id_mismatch",
    error: "X-Sentinel-Machine-Id does not match machine_id.",
  },
  publicKey: {
    status: 400,
    code: "invalid_field",
    error: "machine_public_key_pem must be a P-256 public key (PEM, SubjectPublicKeyInfo).",
  },
  timestamp: {
    status: 401,
    code: "timestamp_out_of_window",
    error: "Request timestamp is more than 300 seconds from the server's clock.",
  },
  signature: {
    status: 401,
    code: "signature_invalid",
    error: "Request signature verification failed.",
  },
  nonceUsed: { status: 409, code: "nonce_used", error: "Request nonce has already been used." },
  licenseUnknown: { status: 404, code: "license_unknown", error: "License not found." },
  machineUnknown: {
    status: 404,
    code: "machine_unknown",
    error: "Machine is not activated for this license.",
  },
  hardwareBound: {
    status: 403,
    code: "license_hardware_bound",
    error: "Hardware-bound licenses are not activated online.",
  },
  revoked: { status: 403, code: "license_revoked", error: "License has been revoked." },
  suspended: { status: 403, code: "license_suspended", error: "License is suspended." },
  machineKey: {
    status: 409,
    code: "machine_key_conflict",
    error: "Machine is already activated with a different public key.",
  },
  decommissioned: {
    status: 403,
    code: "machine_decommissioned",
    error: "Machine has been decommissioned.",
  },
  closed: { status: 403, code: "license_closed", error: "License takes no new machines." },
  blocked: {
    status: 403,
    code: "machine_blocked",
    error: "Machine has been blocked by the vendor.",
  },
  releaseForbidden: {
    status: 403,
    code: "release_forbidden",
    error: "This license does not allow machines to give their place back: ask the vendor.",
  },
} as const satisfies Record<string, Refusal>;

export function refuseHeader(name: string, reason: string): Refusal {
  return { status: 400, code: "invalid_header", error: `${name} ${reason}.` };
}

export function refuseField(field: string, reason: string): Refusal {
  return { status: 400, code: "invalid_field", error: `${field} ${reason}.` };
}

export function refuseBeyondLimit(active: number, max: number): Refusal {
  return {
    status: 403,
    code: "machine_limit",
    error: `Maximum machine limit reached for this license. In use: ${active} of ${max}.`,
  };
}

export function refuseTooManyActivations(max: number): Refusal {
  return {
    status: 403,
    code: "too_many_activations",
    error: `Too many activations of this license today (UTC): at most ${max}. Try again tomorrow.`,
  };
}

export function refuseExpired(expiryDate: string): Refusal {
  return {
    status: 403,
    code: "license_expired",
    error: `License has expired (expiry: ${expiryDate}).`,
  };
}

export function refuseNotYetActive(issueDate: string): Refusal {
  return {
    status: 403,
    code: "license_not_yet_active",
    error: `License is not yet active (activates: ${issueDate}).`,
  };
}
