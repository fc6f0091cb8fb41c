import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "--out DIR",
  options: ["out", "json"],
  notes: [
    "Writes org_private_key.pem (0600; keep it secret, it signs licences and answers) and org_public_key.pem",
    "(goes into the software). Refuses to overwrite either.",
  ],
  async run({ args, output }) {
    const { makeOrganisationKey } = await import("../../vendor/keys.ts");
    const { privateKeyPath, publicKeyPath } = await makeOrganisationKey(args.required("out"));
    output.result(
      args.flag("json")
        ? JSON.stringify({ private_key: privateKeyPath, public_key: publicKeyPath })
        : `private key written to ${privateKeyPath}\npublic key written to ${publicKeyPath}`,
    );
    return EXIT.ok;
  },
};
