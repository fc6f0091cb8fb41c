/** Column at which a command is wrapped. */
const WIDTH = 92;

/** Formats a command as lines such as `$ word word \`, which a shell reads as one command; an option stays beside its value. */
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

/** Quotes a word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
