/** The expression that matches the paths which a glob stands for, of this system. */
export function globToRegExp(glob: string): RegExp;
