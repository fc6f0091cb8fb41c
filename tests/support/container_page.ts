/** What docs/CONTAINERS.md has to run. */
const PAGE = await Deno.readTextFile(new URL("../../docs/CONTAINERS.md", import.meta.url));

/** The image of the page. */
export interface ImageFile {
  readonly user: number;
  readonly entrypoint: readonly string[];
  readonly healthCheck: readonly string[];
  /** The commands that build it, as root. */
  readonly steps: readonly string[];
}

/** A line `docker run …`. */
export interface DockerRun {
  readonly isReadOnly: boolean;
  /** Path, and options of mount(8). */
  readonly tmpfs: readonly (readonly [path: string, options: string])[];
  readonly volumes: readonly (readonly [source: string, path: string, options: string])[];
  /** `undefined` for a variable of the caller's. */
  readonly env: ReadonlyMap<string, string | undefined>;
  readonly entrypoint: string | undefined;
  readonly args: readonly string[];
}

/** The lines of the page that call docker. */
export const DOCKER_LINES: readonly string[] = [...PAGE.matchAll(/^docker .+$/gm)]
  .map(([line]) => line);

/** Reads the page's image. */
export function readImageFile(): ImageFile {
  const [, text] = /```dockerfile\n(.*?)```/s.exec(PAGE)!;
  const find = (pattern: RegExp) => pattern.exec(text!)![1]!;
  return {
    user: Number(find(/^USER (\d+):\d+$/m)),
    entrypoint: JSON.parse(find(/^ENTRYPOINT (\[.*\])$/m)),
    healthCheck: JSON.parse(find(/^HEALTHCHECK .*CMD (\[.*\])$/m)),
    steps: [...text!.matchAll(/^RUN (.+)$/gm)].map(([, step]) => step!),
  };
}

/** Reads a line `docker run …`; throws if it has an option that the tests do not know. */
export function parseDockerRun(line: string): DockerRun {
  const words = line.split(" ").slice(2);
  const tmpfs: [string, string][] = [], volumes: [string, string, string][] = [];
  const env = new Map<string, string | undefined>();
  let isReadOnly = false, entrypoint: string | undefined;
  while (words[0]!.startsWith("--")) {
    const option = words.shift()!;
    if (option === "--read-only") isReadOnly = true;
    if (option === "--read-only" || option === "--rm") continue;
    const [first, second = "", third = ""] = words[0]!.split(option === "--env" ? "=" : ":");
    const value = words.shift()!;
    switch (option) {
      case "--name":
        break;
      case "--tmpfs":
        tmpfs.push([first!, second]);
        break;
      case "--volume":
        volumes.push([first!, second, third]);
        break;
      case "--env":
        env.set(first!, value.includes("=") ? second : undefined);
        break;
      case "--entrypoint":
        entrypoint = value;
        break;
      default:
        throw new Error(`Cannot run with ${option}: ${line}`);
    }
  }
  return { isReadOnly, tmpfs, volumes, env, entrypoint, args: words.slice(1) };
}
