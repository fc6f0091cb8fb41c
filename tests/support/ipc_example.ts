import type { Organization } from "./organization.ts";
import { resultOf } from "./program.ts";
import {
  allOf,
  needsProgram,
  OPENSSL_HEADERS,
  type Program,
  type Requirement,
} from "./requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

const EXAMPLES = new URL("../../examples/ipc/", import.meta.url);

/** How an example is run; `build` first, if it has to be built into the file `out`. */
interface Language {
  readonly needs: Requirement;
  readonly build?: (out: string) => readonly string[];
  readonly command: (out: string) => readonly string[];
}

const needs = (...programs: Program[]) => allOf(...programs.map(needsProgram));

/** The examples in `examples/ipc`, by file name. */
export const IPC_EXAMPLES: Readonly<Record<string, Language>> = {
  "license.py": { needs: needs("python3"), command: () => ["python3", "license.py"] },
  "license.mjs": { needs: needs("node"), command: () => ["node", "license.mjs"] },
  "license.go": {
    needs: needs("go"),
    build: (out) => ["go", "build", "-o", out, "license.go"],
    command: (out) => [out],
  },
  "license.c": {
    needs: allOf(needsProgram("cc"), OPENSSL_HEADERS),
    build: (out) => ["cc", "-Wall", "-Wextra", "-Werror", "-o", out, "license.c", "-lcrypto"],
    command: (out) => [out],
  },
  "license.sh": { needs: needs("socat", "openssl"), command: () => ["sh", "license.sh"] },
};

/** The two lines of the vendor's key in every example. */
const KEY_LINES = /MFkw[A-Za-z0-9+/]{60}|(?<=")[A-Za-z0-9+/]{58}==|^[A-Za-z0-9+/]{58}==$/gm;

/** An example of software of a vendor's, in a folder of its own. */
export class IpcExample implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #language: Language;

  private constructor(folder: TemporaryFolder, language: Language) {
    this.#folder = folder;
    this.#language = language;
  }

  /**
   * Puts the vendor's key into an example, and builds it.
   *
   * @param edit Applied to its source.
   */
  static async open(
    name: string,
    { publicKeyPem }: Pick<Organization, "publicKeyPem">,
    edit: (source: string) => string = (source) => source,
  ): Promise<IpcExample> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const lines = publicKeyPem.trim().split("\n").slice(1, -1);
    let replaced = 0;
    const source = (await Deno.readTextFile(new URL(name, EXAMPLES)))
      .replaceAll(KEY_LINES, () => lines[replaced++]!);
    if (replaced !== 2) throw new Error(`${name} has ${replaced} lines of a key instead of two`);
    await Deno.writeTextFile(folder.at(name), edit(source));
    const example = new IpcExample(folder, IPC_EXAMPLES[name]!);
    await example.#build();
    stack.move();
    return example;
  }

  /** Runs it; `output` is all that it printed. */
  async run(socket: string): Promise<{ code: number; output: string }> {
    const command = this.#language.command(this.#folder.at("example"));
    return await this.#call(command, { SENTINEL_IPC_SOCKET: socket });
  }

  async #build(): Promise<void> {
    const command = this.#language.build?.(this.#folder.at("example"));
    if (command === undefined) return;
    const { code, output } = await this.#call(command, {});
    if (code !== 0) throw new Error(output);
    // a test beside this one may have set the umask, which the compiler inherits
    await Deno.chmod(this.#folder.at("example"), 0o700);
  }

  async #call([command, ...args]: readonly string[], env: Record<string, string>) {
    const options = { args, env, cwd: this.#folder.path };
    const { code, stdout, stderr } = await resultOf(command!, options);
    return { code, output: stdout + stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}
