import { SentinelError } from "../core/errors.ts";
import { dirname, getFileName } from "../core/paths.ts";
import { joinCommandLine } from "../platform/windows/command_line.ts";
import { createOwnershipMark } from "./owner.ts";

export const SERVICE_KINDS = ["systemd", "launchd", "windows"] as const;
export type ServiceKind = (typeof SERVICE_KINDS)[number];

/** A daemon to be run by a service manager. */
export interface ServiceDescription {
  /** The service's name; see {@linkcode isServiceName}. */
  readonly name: string;
  /** The configuration file; absolute. */
  readonly configPath: string;
  /** The command that starts the daemon, in the foreground; absolute. */
  readonly command: readonly string[];
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  /** The configured chroot. */
  readonly rootFolder?: string | undefined;
  /** Names of the capabilities that it keeps (default: none). */
  readonly capabilities?: readonly string[];
  /** The state folder (default: the service manager's, if it has one). */
  readonly stateFolder?: string | undefined;
  /** Other files and folders that it writes to. */
  readonly writablePaths: readonly string[];
  readonly readablePaths: readonly string[];
  readonly stopTimeoutMs: number;
}

/** Exit statuses that a restart cannot repair: a wrong configuration, license file, machine or program. */
export const NO_RESTART_STATUSES: readonly number[] = [2, 80, 83, 84];

/** Exit statuses of systemd itself if program, group or user do not exist; systemd.exec(5), process exit codes. */
const MISSING_STATUSES: readonly number[] = [203, 216, 217];

/** Added to the daemon's own time limit, so that the daemon stops the software and not the service manager. */
const STOP_MARGIN_MS = 10_000;

/** Longer than a start's requests to the license server may take. */
const START_TIMEOUT_SECONDS = 120;
const WATCHDOG_SECONDS = 30;

/** Restarts are not limited in number; after a refusal by the license server, the daemon itself waits (`RestartBackoff`). */
const RESTART_SECONDS = 2;

/**
 * Creates the text of the service's file.
 *
 * @throws {SentinelError} `config.chroot` if a chroot is configured: only root can enter one, and a service starts as its
 *   user.
 */
export function formatServiceFile(kind: ServiceKind, service: ServiceDescription): string {
  if (service.rootFolder !== undefined) {
    throw new SentinelError(
      "config.chroot",
      "security.chroot_directory is for a daemon that root starts, and a service is started as process.user: " +
        "leave it out (systemd has RootDirectory= for it)",
    );
  }
  switch (kind) {
    case "systemd":
      return formatSystemdUnit(service);
    case "launchd":
      return formatLaunchdPlist(service);
    case "windows":
      return formatWindowsCommands(service);
  }
}

/** The name of the service's file. */
export function getServiceFileName(kind: ServiceKind, name: string): string {
  const names: Record<ServiceKind, string> = {
    systemd: `sentinel-${name}.service`,
    launchd: `sentinel.${name}.plist`,
    windows: `sentinel-${name}.cmd`,
  };
  return names[kind];
}

/** systemd.service(5), systemd.exec(5). The runtime's JIT compiler needs memory that is writable and executable. */
function formatSystemdUnit(service: ServiceDescription): string {
  const { name, command, user, group, capabilities = [], stateFolder, stopTimeoutMs } = service;
  const folder = `sentinel/${name}`;
  const ownState = `/var/lib/${folder}`;
  // "-": a missing folder is not systemd's error, as the daemon reports it better
  const writable = listWritableFolders(service).map((path) => quoteForSystemd(`-${path}`));
  return joinLines([
    `# ${createOwnershipMark(service.configPath)}`,
    "[Unit]",
    `Description=Sentinel for ${name}`,
    "Wants=network-online.target",
    "After=network-online.target",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "NotifyAccess=main",
    `ExecStart=${command.map(quoteForSystemd).join(" ")}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    `RestartSec=${RESTART_SECONDS}`,
    `RestartPreventExitStatus=${[...NO_RESTART_STATUSES, ...MISSING_STATUSES].join(" ")}`,
    `TimeoutStartSec=${START_TIMEOUT_SECONDS}`,
    `TimeoutStopSec=${Math.ceil((stopTimeoutMs + STOP_MARGIN_MS) / 1000)}`,
    "KillMode=mixed",
    `WatchdogSec=${WATCHDOG_SECONDS}`,
    ...(user === undefined ? [] : [`User=${user}`]),
    ...(group === undefined ? [] : [`Group=${group}`]),
    `RuntimeDirectory=${folder}`,
    // holds what a restart has to know about the last run
    "RuntimeDirectoryPreserve=restart",
    "RuntimeDirectoryMode=0700",
    `StateDirectory=${folder}`,
    "StateDirectoryMode=0700",
    `Environment=XDG_RUNTIME_DIR=/run/${folder}`,
    // holds the state replica, which detects that the state folder was restored
    `Environment=XDG_STATE_HOME=${ownState}`,
    ...(stateFolder === undefined ? [`Environment=XDG_DATA_HOME=${ownState}/data`] : []),
    "UMask=0077",
    "",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    `ProtectHome=${needs(service, /^\/(?:home|root|run\/user)\//) ? "read-only" : "yes"}`,
    `ReadWritePaths=${writable.join(" ")}`.trimEnd(),
    `PrivateTmp=${needs(service, /^(?:\/var)?\/tmp\//) ? "no" : "yes"}`,
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RemoveIPC=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=no",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallFilter=prlimit64 setpriority sched_setaffinity",
    "SystemCallErrorNumber=EPERM",
    `CapabilityBoundingSet=${capabilities.join(" ")}`,
    `AmbientCapabilities=${capabilities.join(" ")}`,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ]);
}

/** launchd.plist(5); it has neither readiness nor a watchdog. */
function formatLaunchdPlist(
  { name, configPath, command, user, group }: ServiceDescription,
): string {
  const text = (key: string, value: string) => [
    `  <key>${key}</key>`,
    `  <string>${escapeXml(value)}</string>`,
  ];
  return joinLines([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    `<!-- ${createOwnershipMark(configPath)} -->`,
    '<plist version="1.0">',
    "<dict>",
    ...text("Label", `sentinel.${name}`),
    "  <key>ProgramArguments</key>",
    "  <array>",
    ...command.map((word) => `    <string>${escapeXml(word)}</string>`),
    "  </array>",
    "  <key>RunAtLoad</key>",
    "  <true/>",
    "  <key>KeepAlive</key>",
    "  <dict>",
    "    <key>SuccessfulExit</key>",
    "    <false/>",
    "  </dict>",
    "  <key>Umask</key>",
    "  <integer>63</integer>",
    ...(user === undefined ? [] : text("UserName", user)),
    ...(group === undefined ? [] : text("GroupName", group)),
    "</dict>",
    "</plist>",
  ]);
}

/** Commands of sc.exe for an administrator. */
function formatWindowsCommands(service: ServiceDescription): string {
  const commands = [...listServiceChanges("create", service), [
    "start",
    getWindowsServiceName(service),
  ]];
  return joinLines([
    `rem ${createOwnershipMark(service.configPath)}`,
    ...commands.map((words) => `sc.exe ${words.map(quoteForConsole).join(" ")}`),
  ]);
}

export function getWindowsServiceName({ name }: Pick<ServiceDescription, "name">): string {
  return `sentinel-${name}`;
}

/** Arguments for sc.exe, one call each, that create a service or change an existing one. */
export function listServiceChanges(
  verb: "create" | "config",
  service: ServiceDescription,
): readonly (readonly string[])[] {
  const name = getWindowsServiceName(service);
  const title = `Sentinel for ${service.name}`;
  const path = joinCommandLine(service.command);
  return [
    [verb, name, "binPath=", path, "start=", "auto", "DisplayName=", title],
    ["description", name, `${title}, ${createOwnershipMark(service.configPath)}`],
    ["failure", name, "reset=", "86400", "actions=", "restart/1000/restart/10000/restart/60000"],
  ];
}

/** Quotes a word for cmd.exe. */
function quoteForConsole(word: string): string {
  return /^[\w./=-]+$/.test(word) ? word : joinCommandLine([word]);
}

function joinLines(all: readonly string[]): string {
  return all.join("\n") + "\n";
}

/** The folders that a service writes to: files are replaced by new ones, which needs a writable folder. */
export function listWritableFolders({ stateFolder, writablePaths }: ServiceDescription): string[] {
  const folders = writablePaths.map((path) =>
    path.endsWith("/") ? path.slice(0, -1) : dirname(path)
  );
  return [...new Set(stateFolder === undefined ? folders : [stateFolder, ...folders])];
}

/** Whether the service uses any path that matches. */
function needs(service: ServiceDescription, place: RegExp): boolean {
  const { readablePaths, command } = service;
  const paths = [...listWritableFolders(service), ...readablePaths, ...command];
  return paths.some((path) => place.test(`${path}/`));
}

/** systemd.syntax(7): quotes the word and doubles specifier characters. */
function quoteForSystemd(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Whether every service manager accepts the name, and a socket's path fits in a folder of that name. */
export function isServiceName(name: string): boolean {
  return /^\w[\w.-]{0,31}$/.test(name);
}

/** Derives a service's name from its software. */
export function deriveServiceName(softwarePath: string): string {
  return getFileName(softwarePath).replaceAll(/[^\w.-]/g, "_");
}
