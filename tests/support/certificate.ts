import { runTool } from "./run_tool.ts";
import type { TemporaryFolder } from "./temporary_folder.ts";

/** A certificate for 127.0.0.1 that no authority vouches for: `ca.pem` and `tls.key` in the folder. Needs openssl. */
export async function makeCertificate(
  folder: TemporaryFolder,
): Promise<{ cert: string; key: string }> {
  await runTool(
    "openssl",
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", folder.at("tls.key"), "-out", folder.at("ca.pem"), "-days", "2"],
    ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  );
  const [cert, key] = await Promise.all(
    ["ca.pem", "tls.key"].map((name) => Deno.readTextFile(folder.at(name))),
  );
  return { cert: cert!, key: key! };
}
