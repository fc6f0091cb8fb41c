import { assertEquals } from "@std/assert";
import { runProgram } from "../../support/program.ts";
import { needsProgram, testWith } from "../../support/requirements.ts";

/** What a kernel answers, how a child is signaled on it, and what becomes of the signal. */
interface OldKernel {
  readonly name: string;
  readonly call: "pidfd_open" | "pidfd_send_signal";
  readonly error: string;
  readonly outcome: "sent" | "denied" | "gone";
}

const KERNELS: readonly OldKernel[] = [
  { name: "before 5.3", call: "pidfd_open", error: "ENOSYS", outcome: "sent" },
  { name: "before 6.9", call: "pidfd_send_signal", error: "EINVAL", outcome: "sent" },
  { name: "that forbids it", call: "pidfd_send_signal", error: "EPERM", outcome: "denied" },
  { name: "whose process has ended", call: "pidfd_send_signal", error: "ESRCH", outcome: "gone" },
];

for (const { name, call, error, outcome } of KERNELS) {
  for (const whom of ["child", "group"]) {
    testWith([needsProgram("strace")], `a ${whom} is signaled on a kernel ${name}`, async () => {
      const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}`];
      const { stdout, stderr } = await runProgram([whom], {
        fixture: "signal_child.ts",
        wrapper: ["strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", ...inject],
      });
      const signal = outcome === "sent" ? "SIGTERM" : "SIGKILL";
      assertEquals(JSON.parse(stdout || "null"), { outcome, signal, afterwards: "gone" }, stderr);
    });
  }
}
