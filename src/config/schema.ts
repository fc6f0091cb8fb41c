import * as v from "valibot";
import { TAMPER_POLICIES } from "../core/build_info.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../core/log.ts";
import {
  count,
  hostAndPort,
  httpUrl,
  listOf,
  machineName,
  milliseconds,
  oneOf,
  path,
  pattern,
  probe,
  type ResolvePath,
  text,
  textLike,
  variableName,
  variables,
  wholeNumber,
  yesOrNo,
} from "./values.ts";

/**
 * Every table of `sentinel.toml` with its keys, their values and their defaults. A key without a default is absent if
 * the file does not set it.
 *
 * @param resolvePath Applied to every path.
 */
// deno-lint-ignore explicit-module-boundary-types -- the type is the schema; `Config` is derived from it
export function createTables(resolvePath: ResolvePath) {
  const file = () => v.optional(path(resolvePath));
  const exitCodes = () =>
    listOf(wholeNumber({ min: 0, max: 255 }), "a list of whole numbers from 0 to 255");
  return {
    license: {
      path: file(),
      server_url: v.optional(httpUrl()),
      state_dir: file(),
      machine_name: v.optional(machineName()),
    },
    software: {
      path: file(),
      args: v.optional(listOf(textLike(/^[^\0]*$/, "text"), "a list of texts"), []),
      env: v.optional(variables(), {}),
      working_directory: file(),
      success_exit_codes: v.optional(exitCodes(), [0]),
      no_restart_exit_codes: v.optional(exitCodes(), []),
    },
    process: {
      daemonize: v.optional(yesOrNo(), true),
      pid_file: file(),
      user: v.optional(text()),
      group: v.optional(text()),
      keep_env: v.optional(listOf(variableName(), "a list of names of variables"), []),
      working_directory: file(),
    },
    ipc: {
      location: v.optional(oneOf(["runtime", "tmp", "auto"]), "auto"),
      path: file(),
      peer: v.optional(oneOf(["user", "child"])),
      read_timeout_ms: v.optional(milliseconds({ min: 0 }), 60_000),
      write_timeout_ms: v.optional(milliseconds({ min: 0 }), 5_000),
      idle_timeout_ms: v.optional(milliseconds({ min: 0 }), 0),
      max_connections: v.optional(wholeNumber({ min: 1, max: 10_000 }), 64),
    },
    health: {
      listen: v.optional(hostAndPort()),
      check_interval_ms: v.optional(milliseconds({ min: 1 }), 10_000),
      probe: v.optional(probe(), "none"),
      memory_limit_mb: v.optional(count({ min: 1 })),
      health_check_script: file(),
      restart_on_failure: v.optional(yesOrNo(), true),
      restart_delay_ms: v.optional(milliseconds({ min: 0 }), 0),
      max_restart_attempts: v.optional(count(), 5),
    },
    limits: {
      open_files: v.optional(count()),
      core_bytes: v.optional(count()),
      address_space_bytes: v.optional(count()),
      processes: v.optional(count()),
      file_bytes: v.optional(count()),
    },
    security: {
      umask: v.optional(wholeNumber({ min: 0, max: 0o777 }), 0o077),
      chroot_directory: file(),
      drop_capabilities: v.optional(yesOrNo(), true),
      allowed_capabilities: v.optional(
        listOf(
          textLike(/^CAP_[A-Z_]+$/, "a capability name, such as CAP_NET_BIND_SERVICE"),
          "a list of capability names",
        ),
        [],
      ),
      no_new_privileges: v.optional(yesOrNo(), true),
      anti_tamper: v.optional(oneOf(TAMPER_POLICIES)),
    },
    server: {
      enabled: v.optional(yesOrNo(), false),
      address: v.optional(text(), "127.0.0.1"),
      port: v.optional(wholeNumber({ min: 0, max: 65_535 }), 7443),
      certificate: file(),
      key: file(),
      certificate_authority: file(),
      revocation_list: file(),
      data_dir: file(),
      redact: v.optional(listOf(pattern(), "a list of regular expressions"), []),
      observe_arguments: v.optional(yesOrNo(), false),
    },
    logging: {
      level: v.optional(oneOf(LOG_LEVELS), "info"),
      format: v.optional(oneOf(LOG_FORMATS), "text"),
      file: file(),
      rotate_bytes: v.optional(count({ min: 1 }), 10 * 1024 * 1024),
      rotate_keep: v.optional(wholeNumber({ min: 0, max: 1000 }), 5),
    },
    shutdown: {
      timeout_ms: v.optional(milliseconds({ min: 1 }), 30_000),
    },
  } as const;
}

type Tables = ReturnType<typeof createTables>;

export type TableName = keyof Tables;

/** A complete configuration: values of the file, else defaults; paths are absolute. */
export type Config = {
  readonly [T in TableName]: { readonly [K in keyof Tables[T]]: OutputOf<Tables[T][K]> };
};

type OutputOf<S> = S extends v.GenericSchema ? v.InferOutput<S> : never;
