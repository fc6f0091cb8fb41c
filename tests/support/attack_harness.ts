import type { Json } from "../../src/signing/canonical_json.ts";
import {
  answerPayload,
  type SeenRequest,
  serveAnswers,
  signedAnswer,
  type TestServer,
} from "./license_server.ts";
import { makeOrganization, type Organization, standardPayload } from "./organization.ts";
import {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from "./program.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

/** Answers a request in place of the license server; may sign with the organization's key. */
export type AnswerAs = (
  request: SeenRequest,
  organization: Organization,
) => Response | Promise<Response>;

/** The genuine answer. */
export function honestly(request: SeenRequest, organization: Organization): Promise<Response> {
  return signedAnswer(organization, answerPayload(request));
}

/** How a program is started. */
export type AttackOptions =
  & Pick<ProgramOptions, "doubles" | "env" | "wrapper" | "isRuntimeQuiet" | "fixture">
  & {
    readonly args?: readonly string[];
    /** Text of a configuration file (default: none). */
    readonly config?: string;
  };

/** A machine under attack: a license, a scripted license server, a child, and folders for state and sockets. */
export class AttackHarness implements AsyncDisposable {
  /** Answers the following requests to the license server. */
  answer: AnswerAs = honestly;
  /** Whether the state is in the user's data folder, `home/sentinel-drm`, instead of the folder of `--state-dir`. */
  isAtHome = false;
  readonly #server: TestServer;
  #isServerUp = true;

  private constructor(
    readonly folder: TemporaryFolder,
    readonly organization: Organization,
    server: (harness: () => AttackHarness) => TestServer,
  ) {
    this.#server = server(() => this);
  }

  /** @param terms Overrides in the license's payload. */
  static async open(terms: Record<string, Json> = {}): Promise<AttackHarness> {
    await using stack = new AsyncDisposableStack();
    const organization = await makeOrganization();
    const harness = stack.use(
      new AttackHarness(
        await temporaryFolder(),
        organization,
        (harness) => serveAnswers((request) => harness().answer(request, organization)),
      ),
    );
    await Deno.writeTextFile(harness.at("org.pem"), organization.publicKeyPem);
    await harness.license("a.lic", terms);
    await harness.script("software", "echo up");
    for (const name of ["runtime", "witness"]) await Deno.mkdir(harness.at(name), { mode: 0o700 });
    stack.move();
    return harness;
  }

  at(name: string): string {
    return this.folder.at(name);
  }

  get serverUrl(): string {
    return this.#server.url;
  }

  get requests(): readonly SeenRequest[] {
    return this.#server.requests;
  }

  /** Writes a signed license. */
  async license(name: string, terms: Record<string, Json>): Promise<void> {
    const payload = standardPayload({ server_url: this.#server.url, ...terms });
    await Deno.writeTextFile(this.at(name), await this.organization.license(payload));
  }

  /** Writes a shell script into the folder. */
  async script(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(this.at(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  /** Closes the license server's port. */
  async stopServer(): Promise<void> {
    if (this.#isServerUp) await this.#server[Symbol.asyncDispose]();
    this.#isServerUp = false;
  }

  /** Runs `sentinel run` to its end. */
  run(options: AttackOptions = {}): Promise<ProgramResult> {
    return runProgram(this.#arguments(options), this.programOptions(options));
  }

  start(options: AttackOptions = {}): RunningProgram {
    return startProgram(this.#arguments(options), this.programOptions(options));
  }

  /** Runs any command of the program. */
  sentinel(args: readonly string[], options: AttackOptions = {}): Promise<ProgramResult> {
    return runProgram(args, this.programOptions(options));
  }

  programOptions({ args: _, config: __, env, ...options }: AttackOptions = {}): ProgramOptions {
    const folders = {
      XDG_RUNTIME_DIR: this.at("runtime"),
      XDG_STATE_HOME: this.at("witness"),
      XDG_DATA_HOME: this.at("home"),
    };
    return { ...options, env: { ...folders, ...env } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopServer();
    await this.folder[Symbol.asyncDispose]();
  }

  #arguments({ args = [], config }: AttackOptions): string[] {
    if (config !== undefined) {
      Deno.writeTextFileSync(this.at("s.toml"), config);
      args = ["--config", this.at("s.toml"), ...args];
    }
    return [
      ...["run", "--license", this.at("a.lic"), "--software", this.at("software")],
      ...["--org-key", this.at("org.pem")],
      ...(this.isAtHome ? [] : ["--state-dir", this.at("state")]),
      ...args,
    ];
  }
}
