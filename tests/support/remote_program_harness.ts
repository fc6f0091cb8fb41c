import { type ProgramResult, type RunningProgram, runProgram, startProgram } from "./program.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";
import { type CertificateFiles, TestAuthority } from "./test_authority.ts";

/** A `sentinel server` that listens. */
export interface ServingRemote extends AsyncDisposable {
  readonly program: RunningProgram;
  readonly port: number;
}

/** A CA, certificates and a data folder for the real programs. */
export class RemoteProgramHarness implements AsyncDisposable {
  private constructor(
    readonly folder: TemporaryFolder,
    readonly authority: TestAuthority,
    readonly files: {
      readonly server: CertificateFiles;
      readonly ops: CertificateFiles;
      readonly watch: CertificateFiles;
    },
  ) {}

  static async open(): Promise<RemoteProgramHarness> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const authority = await TestAuthority.create(folder.at("ca"));
    const files = {
      server: await authority.server(),
      ops: await authority.client("ops", "control"),
      watch: await authority.client("watch", "observe"),
    };
    stack.move();
    return new RemoteProgramHarness(folder, authority, files);
  }

  get dataDir(): string {
    return this.folder.at("data");
  }

  serverArguments(...args: string[]): string[] {
    const { certificate, key } = this.files.server;
    return [
      ...["server", "-c", certificate, "-k", key, "-C", this.authority.certificate],
      ...["-a", "127.0.0.1", "-p", "0", "--data-dir", this.dataDir, ...args],
    ];
  }

  /** Starts `sentinel server`, and waits until it listens. */
  async serve(
    args: readonly string[] = [],
    options: Parameters<typeof startProgram>[1] = {},
  ): Promise<ServingRemote> {
    const program = startProgram(this.serverArguments(...args), options);
    const [, port] = await program.stdout.match(/^listening on https:\/\/127\.0\.0\.1:(\d+)\n/m);
    const dispose = () => program[Symbol.asyncDispose]();
    return { program, port: Number(port), [Symbol.asyncDispose]: dispose };
  }

  clientArguments(port: number, files: CertificateFiles, ...args: string[]): string[] {
    return [
      ...["client", "-c", files.certificate, "-k", files.key, "-C", this.authority.certificate],
      ...["-a", "127.0.0.1", "-p", String(port), ...args],
    ];
  }

  /** Runs `sentinel client` as `ops`, with the role `control`. */
  ops({ port }: ServingRemote, ...args: string[]): Promise<ProgramResult> {
    return runProgram(this.clientArguments(port, this.files.ops, ...args));
  }

  /** Runs `sentinel client` as `watch`, with the role `observe`. */
  watch({ port }: ServingRemote, ...args: string[]): Promise<ProgramResult> {
    return runProgram(this.clientArguments(port, this.files.watch, ...args));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}
