/**
 * `deno task sign:windows [--dry-run] FOLDER`: signs the Windows programs in a directory with Authenticode. `--dry-run` prints
 * the command, on any system and without an identity.
 *
 * The identity comes from the environment: WINDOWS_CERTIFICATE (PKCS #12, base64), WINDOWS_CERTIFICATE_PASSWORD. If neither
 * is set, nothing is signed; setting only one is an error.
 */
import { describeFault, getExitCode } from "../src/cli/exit_codes.ts";
import { standardOutput } from "../src/cli/output.ts";
import {
  decodeVariable,
  findPrograms,
  parseSigningArguments,
  readIdentity,
  runCommands,
  showCommands,
  type SigningCommand,
} from "./signing.ts";

const NAMES = ["WINDOWS_CERTIFICATE", "WINDOWS_CERTIFICATE_PASSWORD"] as const;

/** Reads JSON from standard input, which keeps certificate and password out of files and arguments. */
const SCRIPT = `
$ErrorActionPreference = 'Stop'
$given = [Console]::In.ReadToEnd() | ConvertFrom-Json
$bytes = [Convert]::FromBase64String($given.certificate)
$certificate = [Security.Cryptography.X509Certificates.X509Certificate2]::new($bytes, $given.password)
foreach ($program in $given.programs) {
  $signed = Set-AuthenticodeSignature -LiteralPath $program -Certificate $certificate -HashAlgorithm SHA256 \`
    -IncludeChain NotRoot -TimestampServer http://timestamp.digicert.com
  if ($signed.Status -ne 'Valid') { throw "$program was not signed: $($signed.StatusMessage)" }
  Write-Output "$program is signed"
}
`.trim();

async function main(): Promise<void> {
  const { folder, isDryRun } = parseSigningArguments(Deno.args);
  const programs = await findPrograms(folder, ".exe");
  const identity = readIdentity(NAMES);
  const { result } = standardOutput;
  if (isDryRun) {
    await showCommands(result)(createSigningCommand(programs, { certificate: "", password: "" }));
  } else if (identity === undefined) {
    result(`::notice::not signed for Windows: ${NAMES.join(", ")} are not set`);
  } else {
    const bytes = decodeVariable(NAMES[0], identity.WINDOWS_CERTIFICATE);
    await runCommands(NAMES, result)(createSigningCommand(programs, {
      certificate: bytes.toBase64(),
      password: identity.WINDOWS_CERTIFICATE_PASSWORD,
    }));
  }
}

function createSigningCommand(
  programs: readonly string[],
  secrets: { readonly certificate: string; readonly password: string },
): SigningCommand {
  const hidden = { certificate: "***", password: "***" };
  return {
    program: "pwsh",
    args: ["-NoProfile", "-NonInteractive", "-Command", SCRIPT],
    input: {
      text: toAsciiJson({ ...secrets, programs }),
      shown: JSON.stringify({ ...hidden, programs }),
    },
  };
}

/** JSON in ASCII, which the console's code page cannot alter. */
function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\0-\x7E]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

try {
  await main();
} catch (error) {
  standardOutput.note(`sign_windows: error: ${describeFault(error)}`);
  Deno.exitCode = getExitCode(error);
}
