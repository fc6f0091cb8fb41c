/** A place in the sources where a record is written to the log. */
export interface LogCall {
  /** Relative to the folder that was looked through. */
  readonly file: string;
  /** `computed` where the level is chosen as it runs. */
  readonly level: "info" | "warn" | "error" | "computed";
  /** What is written, each hole as `…`; `undefined` where it is made elsewhere. */
  readonly text: string | undefined;
  /** The expression that makes it. */
  readonly source: string;
}

type Found = Omit<LogCall, "file">;

const METHODS = /^(?:info|warn|error)$/;

/** Whatever is named as a log is: `log`, `options.log`, `this.#log`. */
const LOG = /(?:^|[.#])log(?:ger)?$/;

/** Every call of `info`, `warn` or `error` of a log below a folder, as the linter's parser reads the sources. */
export async function findLogCalls(folder: string): Promise<LogCall[]> {
  const found: LogCall[] = [];
  for await (const file of sourcesIn(folder)) {
    const source = await Deno.readTextFile(`${folder}/${file}`);
    if (!source.includes("log")) continue;
    found.push(...logCallsOf(source).map((call) => ({ file, ...call })));
  }
  return found;
}

/** The calls in one source. */
export function logCallsOf(source: string): Found[] {
  const found: Found[] = [];
  const rule: Deno.lint.Rule = {
    create: ({ sourceCode }) => ({
      CallExpression({ callee, arguments: [message] }) {
        if (callee.type !== "MemberExpression" || message === undefined) return;
        if (!LOG.test(sourceCode.getText(callee.object))) return;
        const name = sourceCode.getText(callee.property);
        if (!callee.computed && !METHODS.test(name)) return;
        const level = callee.computed ? "computed" : name as Found["level"];
        found.push({ level, text: textOf(message), source: sourceCode.getText(message) });
      },
    }),
  };
  Deno.lint.runPlugin({ name: "log-calls", rules: { find: rule } }, "source.ts", source);
  return found;
}

/** A text without a word, all holes, says nothing that could be looked up. */
function textOf(message: Deno.lint.Expression | Deno.lint.SpreadElement): string | undefined {
  const text = message.type === "Literal"
    ? String(message.value)
    : message.type === "TemplateLiteral"
    ? message.quasis.map(({ cooked }) => cooked).join("…").replaceAll(/…+/g, "…")
    : "";
  return /[a-z]/i.test(text) ? text : undefined;
}

/** The sources below a folder, relative to it. */
export async function* sourcesIn(folder: string, below = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${below}`)) {
    if (isDirectory) yield* sourcesIn(folder, `${below}${name}/`);
    else if (name.endsWith(".ts")) yield `${below}${name}`;
  }
}
