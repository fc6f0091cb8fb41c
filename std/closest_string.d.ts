/** The word nearest to `givenWord` by Levenshtein distance. */
export function closestString(givenWord: string, possibleWords: readonly string[]): string;
