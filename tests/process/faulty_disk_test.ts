// Not on Windows: it starts POSIX programs.
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runProgram } from "../support/program.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const SHIM = fromFileUrl(new URL("../fixtures/faulty_disk.c", import.meta.url));

for (const suffix of [".out", ".idx"]) {
  testWith(
    [needsProgram("gcc"), needsProgram("mkfifo")],
    `a disk that fails while recording (${suffix}) is reported, and the process runs to its end`,
    async () => {
      await using folder = await temporaryFolder();
      const library = folder.at("faulty_disk.so");
      await runTool("gcc", "-shared", "-fPIC", "-o", library, SHIM, "-ldl");
      await runTool("mkfifo", folder.at("fifo"));
      const { code, stdout, stderr } = await runProgram([folder.at("table"), folder.at("fifo")], {
        fixture: "record_on_faulty_disk.ts",
        env: {
          LD_PRELOAD: library,
          BROKEN_SUFFIX: suffix,
          // the first write: five bytes, which have one entry of the index
          HEALTHY_BYTES: suffix === ".out" ? "5" : "16",
        },
      });
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      const fault = { at: 5, message: "Input/output error (os error 5)" };
      assertEquals(JSON.parse(stdout), {
        seen: ["first", { kind: "fault", ...fault }, { kind: "end", at: 5 }],
        record: { state: "exited", exitCode: 3, outputBytes: 5, fault },
      });
    },
  );
}
