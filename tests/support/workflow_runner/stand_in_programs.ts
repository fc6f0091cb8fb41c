/** Programs that a machine of GitHub's has, and that are stood in for: each call is recorded. */
export class StandInPrograms {
  /** To be the first on the PATH. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Writes a program.
   *
   * @param body What it does, in the language of `sh`, once the call is recorded; its standard input is in `$input` if it
   * reads that.
   */
  async write(name: string, body = ""): Promise<void> {
    const record = `log=${quote(`${this.folder}/.${name}`)}
{ printf '%s\\0' "$@"; echo; } >>"$log.calls"
env >>"$log.env"
`;
    const path = `${this.folder}/${name}`;
    await Deno.writeTextFile(path, `#!/bin/sh\n${record}${body}\n`, { mode: 0o755 });
  }

  /** The arguments of each call of a program. */
  calls(name: string): string[][] {
    return this.#read(name, "calls").split("\0\n").slice(0, -1).map((call) => call.split("\0"));
  }

  /** The environment of all calls of a program. */
  environment(name: string): string {
    return this.#read(name, "env");
  }

  /** What calls of a program read, if its body kept that with `cat >>"$log.input"`. */
  input(name: string): string {
    return this.#read(name, "input");
  }

  #read(name: string, what: string): string {
    try {
      return Deno.readTextFileSync(`${this.folder}/.${name}.${what}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }
}

/**
 * Writes a Deno that makes, in place of a compiled program, a script that knows what it would have been made of: the
 * target, the entry (which has what is built in), and a sum of all modules. All else is the real Deno's.
 */
export async function writeStandInCompiler(path: string): Promise<void> {
  const script = `#!/bin/sh
[ "$1" = compile ] || exec ${quote(Deno.execPath())} "$@"
while [ $# -gt 1 ]; do
  case $1 in --output) output=$2 ;; --target) target=$2 ;; esac
  shift
done
{
  printf '#!/bin/sh\\necho "sentinel for %s"\\nexit 0\\n' "$target"
  cat "$1"
  cat "$(dirname "$1")"/*.js | sha256sum
} >"$output"
chmod 755 "$output"
`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
