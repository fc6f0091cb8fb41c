/** Column at which a command is broken, as a user would break it. */
const WIDTH = 92;

/** `$ word word \` and so on: lines that a shell takes as one command; an option keeps its value beside it. */
export function commandLines(words: readonly string[]): string[] {
  const lines = ["$"];
  for (const [i, word] of words.entries()) {
    const isOption = word.startsWith("--");
    const next = isOption ? words[i + 1] ?? "" : "";
    const isLong = lines.at(-1)!.length + word.length + next.length + 2 > WIDTH;
    if (isOption && isLong) lines.push("     " + quote(word));
    else lines.push(`${lines.pop()} ${quote(word)}`);
  }
  return lines.map((line, i) => i < lines.length - 1 ? `${line} \\` : line);
}

/** A word as a POSIX shell takes it literally. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
