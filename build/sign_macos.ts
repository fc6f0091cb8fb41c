/**
 * `deno task sign:macos [--dry-run] FOLDER`: signs the macOS programs in a directory with a Developer ID and submits them to
 * Apple for notarization. `--dry-run` prints the commands, on any system and without an identity.
 *
 * The identity comes from the environment: MACOS_CERTIFICATE (PKCS #12, base64), MACOS_CERTIFICATE_PASSWORD, MACOS_IDENTITY
 * (the certificate's name), MACOS_NOTARY_KEY (a .p8 file from App Store Connect, base64), MACOS_NOTARY_KEY_ID,
 * MACOS_NOTARY_ISSUER. If none is set, nothing is signed; setting only some is an error.
 */
import { describeFault, getExitCode } from "../src/cli/exit_codes.ts";
import { standardOutput } from "../src/cli/output.ts";
import {
  decodeVariable,
  findPrograms,
  parseSigningArguments,
  readIdentity,
  type RunCommand,
  runCommands,
  showCommands,
  SigningError,
} from "./signing.ts";

const NAMES = [
  ...["MACOS_CERTIFICATE", "MACOS_CERTIFICATE_PASSWORD", "MACOS_IDENTITY"] as const,
  ...["MACOS_NOTARY_KEY", "MACOS_NOTARY_KEY_ID", "MACOS_NOTARY_ISSUER"] as const,
];
type Identity = Readonly<Record<(typeof NAMES)[number], string>>;

/** Placeholder for a dry run without an identity. */
const UNKNOWN = Object.fromEntries(NAMES.map((name) => [name, `$${name}`])) as Identity;

/**
 * The runtime compiles code and, for foreign functions, makes memory executable; it loads the system's libraries. Deno's own releases have the same entitlements (denoland/deno, cli/entitlements.plist).
 */
const ENTITLEMENTS = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
  <key>com.apple.security.cs.allow-jit</key><true/>
  <key>com.apple.security.cs.allow-unsigned-executable-memory</key><true/>
  <key>com.apple.security.cs.disable-library-validation</key><true/>
</dict></plist>
`;

/** Keeps the keychain unlocked for longer than notarization takes. */
const KEYCHAIN_TIMEOUT_S = 3600;
const NOTARIZATION_LIMIT = "20m";

async function main(): Promise<void> {
  const { folder, isDryRun } = parseSigningArguments(Deno.args);
  const programs = await findPrograms(folder, "-apple-darwin");
  const identity = readIdentity(NAMES);
  const { result } = standardOutput;
  if (isDryRun) {
    const run = showCommands(result);
    await signAndNotarize(programs, {
      identity: identity ?? UNKNOWN,
      folder: "$TMPDIR",
      run,
      isDryRun,
    });
  } else if (identity === undefined) {
    result(`::notice::not signed for macOS: ${NAMES.join(", ")} are not set`);
  } else {
    await using files = await writeFiles(identity);
    const run = runCommands(NAMES, result);
    await signAndNotarize(programs, { identity, folder: files.path, run, isDryRun });
  }
}

/** Writes the input files of the tools to a private temporary directory; disposing it removes them. */
async function writeFiles(identity: Identity): Promise<AsyncDisposable & { path: string }> {
  const certificate = decodeVariable("MACOS_CERTIFICATE", identity.MACOS_CERTIFICATE);
  const notaryKey = decodeVariable("MACOS_NOTARY_KEY", identity.MACOS_NOTARY_KEY);
  await using cleanup = new AsyncDisposableStack();
  const path = await Deno.makeTempDir({ prefix: "sentinel-signing-" });
  cleanup.defer(() => Deno.remove(path, { recursive: true }));
  await Deno.writeFile(`${path}/certificate.p12`, certificate);
  await Deno.writeFile(`${path}/notary.p8`, notaryKey);
  await Deno.writeTextFile(`${path}/entitlements.plist`, ENTITLEMENTS);
  const files = cleanup.move();
  return { path, [Symbol.asyncDispose]: () => files.disposeAsync() };
}

interface Signing {
  readonly identity: Identity;
  /** Directory of the certificate, the notary key and the entitlements. */
  readonly folder: string;
  readonly run: RunCommand;
  readonly isDryRun: boolean;
}

async function signAndNotarize(programs: readonly string[], signing: Signing): Promise<void> {
  const { folder, run } = signing;
  const keychain = `${folder}/signing.keychain-db`;
  await using cleanup = new AsyncDisposableStack();
  await openKeychain(keychain, signing, cleanup);
  for (const program of programs) {
    await run({
      program: "codesign",
      args: [
        ...["--force", "--timestamp", "--options", "runtime"],
        ...["--entitlements", `${folder}/entitlements.plist`, "--keychain", keychain],
        ...["--sign", signing.identity.MACOS_IDENTITY, program],
      ],
    });
    await run({ program: "codesign", args: ["--verify", "--strict", program] });
  }
  await notarize(programs, signing);
}

/** Creates a temporary keychain with the certificate and lets `codesign` use it. */
async function openKeychain(
  keychain: string,
  { identity, folder, run, isDryRun }: Signing,
  cleanup: AsyncDisposableStack,
): Promise<void> {
  const security = (...args: string[]) => run({ program: "security", args });
  // `security -i` reads commands from standard input, which keeps passwords out of the arguments
  const withPassword = (password: string, command: (password: string) => string) =>
    run({
      program: "security",
      args: ["-i"],
      input: { text: command(quoteWord(password)) + "\n", shown: command("***") },
    });
  const own = crypto.getRandomValues(new Uint8Array(24)).toHex();
  const [file, certificate] = [quoteWord(keychain), quoteWord(`${folder}/certificate.p12`)];
  await withPassword(own, (password) => `create-keychain -p ${password} ${file}`);
  cleanup.defer(async () => void await security("delete-keychain", keychain));
  await security("set-keychain-settings", "-lut", String(KEYCHAIN_TIMEOUT_S), keychain);
  await withPassword(own, (password) => `unlock-keychain -p ${password} ${file}`);
  await withPassword(
    identity.MACOS_CERTIFICATE_PASSWORD,
    (password) => `import ${certificate} -k ${file} -f pkcs12 -P ${password} -T /usr/bin/codesign`,
  );
  await withPassword(
    own,
    (password) => `set-key-partition-list -S apple-tool:,apple: -s -k ${password} ${file}`,
  );
  await security("list-keychains", "-d", "user", "-s", keychain);
  const found = await security("find-identity", "-v", "-p", "codesigning", keychain);
  if (!isDryRun && !found.includes(`"${identity.MACOS_IDENTITY}"`)) {
    throw new SigningError("MACOS_CERTIFICATE has no valid identity named MACOS_IDENTITY");
  }
}

/** Submits all programs in one archive. A bare program cannot be stapled: macOS checks online at its first start. */
async function notarize(
  programs: readonly string[],
  { identity, folder, run, isDryRun }: Signing,
): Promise<void> {
  const archive = `${folder}/programs.zip`;
  const access = [
    ...["--key", `${folder}/notary.p8`, "--key-id", identity.MACOS_NOTARY_KEY_ID],
    ...["--issuer", identity.MACOS_NOTARY_ISSUER],
  ];
  const notarytool = (...args: string[]) =>
    run({ program: "xcrun", args: ["notarytool", ...args, ...access] });
  await run({ program: "zip", args: ["--quiet", "--junk-paths", archive, ...programs] });
  const answer = await notarytool(
    ...["submit", archive, "--wait", "--timeout", NOTARIZATION_LIMIT, "--output-format", "json"],
  );
  if (isDryRun) return;
  // some releases of the tool exit with 0 after a rejection
  const { id, status } = JSON.parse(answer);
  if (status === "Accepted") return;
  await notarytool("log", id);
  throw new SigningError(`Apple did not notarize the programs: ${status}`);
}

/** Quotes a word for a command read by `security -i`. */
function quoteWord(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new SigningError("a password contains a control character");
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

try {
  await main();
} catch (error) {
  standardOutput.note(`sign_macos: error: ${describeFault(error)}`);
  Deno.exitCode = getExitCode(error);
}
