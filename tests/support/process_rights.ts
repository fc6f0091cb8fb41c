import { resultOf } from "./program.ts";

/** The rights of every thread of a process, each different one once: lines of proc_pid_status(5), read by `cat`. */
export async function threadRights(pid: number): Promise<Record<string, string>[]> {
  const { stdout } = await resultOf("sh", {
    args: ["-c", `cat /proc/${pid}/status /proc/${pid}/task/*/status`],
  });
  const statuses = stdout.split(/^(?=Name:)/m);
  const rights = statuses.map((status) => {
    const fields = status.matchAll(/^(Uid|Gid|Groups|NoNewPrivs|Cap\w+):\s*(.*?)\s*$/gm);
    return JSON.stringify(
      Object.fromEntries(Array.from(fields, ([, name, value]) => [name, value])),
    );
  });
  return [...new Set(rights)].map((text) => JSON.parse(text));
}
