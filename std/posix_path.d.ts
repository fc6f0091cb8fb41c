export function dirname(path: string): string;
export function resolve(...pathSegments: string[]): string;
