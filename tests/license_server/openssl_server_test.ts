// Not on Windows: OpenSSL is used on Linux only.
import { assertEquals } from "@std/assert";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { importPublicKeyPem, makeVerifier } from "../../src/signing/ecdsa.ts";
import { OpenSsl } from "../../src/signing/openssl.ts";
import { LIBCRYPTO } from "../support/libcrypto.ts";
import { testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";
import {
  activateBody,
  heartbeatBody,
  makeMachine,
  signedBy,
  type WireRequest,
} from "../support/test_machine.ts";
import { readAnswer } from "../support/wire_answer.ts";

testWith(
  [LIBCRYPTO],
  "a server that signs by OpenSSL activates, and refuses a forged request",
  async () => {
    await using harness = await RunHarness.open();
    await harness.stopServer();
    using openSsl = new OpenSsl();
    await harness.startServer(openSsl);
    const pem = await Deno.readTextFile(harness.folder.at("org_public_key.pem"));
    const verify = makeVerifier((await importPublicKeyPem(pem))!);
    const send = async ({ path, headers, body }: WireRequest) =>
      await readAnswer(await fetch(harness.url + path, { method: "POST", headers, body }), verify);
    const machine = await makeMachine();
    const activate = { body: activateBody(machine, "K1") };
    const activated = await send(await signedBy(machine, ACTIVATE_PATH, activate));
    const beat = { body: heartbeatBody(machine, "K1") };
    const answered = await send(await signedBy(machine, HEARTBEAT_PATH, beat));
    const other = { ...machine, sign: (await makeMachine()).sign };
    const forged = await send(await signedBy(other, HEARTBEAT_PATH, beat));
    assertEquals([activated.payload["status"], answered.payload["status"]], ["ACTIVE", "ACTIVE"]);
    assertEquals([forged.status, forged.payload["code"]], [401, "signature_invalid"]);
  },
);
