/** Whether a text is a UUID of version 4, variant 10 (RFC 9562), in either case. */
export function validate(id: string): boolean;
