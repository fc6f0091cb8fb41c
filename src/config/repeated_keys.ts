/** Strings of all four kinds, comments, brackets, line ends, and whatever else there is; TOML 1.0. */
const TOKEN =
  /"""[^]*?(?:"{3,5}|$)|'''[^]*?(?:'{3,5}|$)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|#[^\n]*|[[\]{}\n]|[^"'#[\]{}\n]+/y;

/** A key: bare or quoted parts between dots. */
const KEY = /^(?:[\w-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')(?:\s*\.\s*(?:[\w-]+|"[^"\n]*"|'[^'\n]*'))*/;

/**
 * Tables and keys that a TOML text sets a second time, each with its line: the parser takes the last one silently, or
 * stops with a message that does not name it.
 */
export function findRepeatedKeys(toml: string): { line: number; key: string }[] {
  const seen = new Set<string>();
  const repeated: { line: number; key: string }[] = [];
  let table = "";
  for (const { line, text } of statements(toml)) {
    if (text.startsWith("[[")) {
      table = `[[${line}]]`;
      continue;
    }
    const header = /^\[\s*([^[\]]+?)\s*\]/.exec(text)?.[1];
    const name = header ?? KEY.exec(text)?.[0];
    if (name === undefined) continue;
    if (header !== undefined) table = bare(header);
    const key = header === undefined ? `${table}.${bare(name)}`.replace(/^\./, "") : `[${table}]`;
    if (seen.has(key)) repeated.push({ line, key });
    seen.add(key);
  }
  return repeated;
}

function bare(key: string): string {
  return key.split(".").map((part) => part.trim().replaceAll(/^["']|["']$/g, "")).join(".");
}

/** The text's statements: a header, or a key with its value, which may go over several lines. */
function* statements(toml: string): Generator<{ line: number; text: string }> {
  let line = 1, startLine = 1, depth = 0, text = "";
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(toml); match !== null; match = TOKEN.exec(toml)) {
    const [token] = match;
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (token === "\n" && depth <= 0) {
      yield { line: startLine, text };
      text = "";
      depth = 0;
    } else if (!token.startsWith("#")) text = (text + token).trimStart();
    line += token.split("\n").length - 1;
    if (text === "") startLine = line;
  }
  yield { line: startLine, text };
}
