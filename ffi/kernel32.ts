import { openSystemLibrary } from "./windows_library.ts";

/** kernel32.dll; handles and addresses are `usize`, BOOL is `i32`. */
export const kernel32 = openSystemLibrary("kernel32.dll", {
  // HANDLE CreateIoCompletionPort(HANDLE File, HANDLE Port, ULONG_PTR Key, DWORD NumberOfConcurrentThreads)
  CreateIoCompletionPort: { parameters: ["usize", "usize", "usize", "u32"], result: "usize" },
  // BOOL GetQueuedCompletionStatusEx(HANDLE, LPOVERLAPPED_ENTRY, ULONG Count, PULONG Removed, DWORD Milliseconds, BOOL)
  GetQueuedCompletionStatusEx: {
    parameters: ["usize", "buffer", "u32", "buffer", "u32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // BOOL GetNamedPipeClientProcessId(HANDLE, PULONG)
  GetNamedPipeClientProcessId: { parameters: ["usize", "buffer"], result: "i32" },
  // HANDLE GetCurrentProcess(void); a constant, never closed
  GetCurrentProcess: { parameters: [], result: "usize" },
  // HANDLE GetCurrentThread(void); a constant, never closed
  GetCurrentThread: { parameters: [], result: "usize" },
  // HLOCAL LocalFree(HLOCAL)
  LocalFree: { parameters: ["usize"], result: "usize" },
  // HANDLE OpenProcess(DWORD DesiredAccess, BOOL Inherit, DWORD Pid)
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "usize" },
  // BOOL GetProcessTimes(HANDLE, LPFILETIME Creation, LPFILETIME Exit, LPFILETIME Kernel, LPFILETIME User)
  GetProcessTimes: { parameters: ["usize", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  // DWORD WaitForSingleObject(HANDLE, DWORD Milliseconds)
  WaitForSingleObject: { parameters: ["usize", "u32"], result: "u32" },
  // BOOL TerminateProcess(HANDLE, UINT ExitCode)
  TerminateProcess: { parameters: ["usize", "u32"], result: "i32" },
  // HANDLE CreateToolhelp32Snapshot(DWORD Flags, DWORD Pid)
  CreateToolhelp32Snapshot: { parameters: ["u32", "u32"], result: "usize" },
  // BOOL Process32FirstW(HANDLE, LPPROCESSENTRY32W)
  Process32FirstW: { parameters: ["usize", "buffer"], result: "i32" },
  // BOOL Process32NextW(HANDLE, LPPROCESSENTRY32W)
  Process32NextW: { parameters: ["usize", "buffer"], result: "i32" },
  // BOOL K32GetProcessMemoryInfo(HANDLE, PPROCESS_MEMORY_COUNTERS, DWORD)
  K32GetProcessMemoryInfo: { parameters: ["usize", "buffer", "u32"], result: "i32" },
  // HANDLE CreateJobObjectW(LPSECURITY_ATTRIBUTES, LPCWSTR)
  CreateJobObjectW: { parameters: ["buffer", "buffer"], result: "usize" },
  // BOOL SetInformationJobObject(HANDLE, JOBOBJECTINFOCLASS, LPVOID, DWORD)
  SetInformationJobObject: { parameters: ["usize", "u32", "buffer", "u32"], result: "i32" },
  // BOOL AssignProcessToJobObject(HANDLE Job, HANDLE Process)
  AssignProcessToJobObject: { parameters: ["usize", "usize"], result: "i32" },
  // BOOL IsProcessInJob(HANDLE Process, HANDLE Job, PBOOL)
  IsProcessInJob: { parameters: ["usize", "usize", "buffer"], result: "i32" },
  // BOOL IsDebuggerPresent(void)
  IsDebuggerPresent: { parameters: [], result: "i32" },
  // BOOL CheckRemoteDebuggerPresent(HANDLE, PBOOL)
  CheckRemoteDebuggerPresent: { parameters: ["usize", "buffer"], result: "i32" },
  // ULONGLONG GetTickCount64(void); includes sleep
  GetTickCount64: { parameters: [], result: "u64" },
  // BOOL QueryUnbiasedInterruptTime(PULONGLONG UnbiasedTime); 100 ns, without sleep
  QueryUnbiasedInterruptTime: { parameters: ["buffer"], result: "i32" },
  // BOOL MoveFileExW(LPCWSTR Existing, LPCWSTR New, DWORD Flags)
  MoveFileExW: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  // HANDLE CreateFileW(LPCWSTR, DWORD DesiredAccess, DWORD ShareMode, LPSECURITY_ATTRIBUTES, DWORD Disposition, DWORD Flags,
  //   HANDLE Template)
  CreateFileW: {
    parameters: ["buffer", "u32", "u32", "buffer", "u32", "u32", "usize"],
    result: "usize",
  },
  // BOOL GetFileSizeEx(HANDLE, PLARGE_INTEGER)
  GetFileSizeEx: { parameters: ["usize", "buffer"], result: "i32" },
  // HANDLE CreateFileMappingW(HANDLE File, LPSECURITY_ATTRIBUTES, DWORD Protect, DWORD SizeHigh, DWORD SizeLow, LPCWSTR)
  CreateFileMappingW: {
    parameters: ["usize", "buffer", "u32", "u32", "u32", "buffer"],
    result: "usize",
  },
  // LPVOID MapViewOfFile(HANDLE, DWORD DesiredAccess, DWORD OffsetHigh, DWORD OffsetLow, SIZE_T Bytes)
  MapViewOfFile: { parameters: ["usize", "u32", "u32", "u32", "usize"], result: "usize" },
  // BOOL UnmapViewOfFile(LPCVOID)
  UnmapViewOfFile: { parameters: ["usize"], result: "i32" },
  // BOOL VirtualLock(LPVOID, SIZE_T)
  VirtualLock: { parameters: ["buffer", "usize"], result: "i32" },
  // BOOL VirtualUnlock(LPVOID, SIZE_T)
  VirtualUnlock: { parameters: ["buffer", "usize"], result: "i32" },
  // LPWSTR GetCommandLineW(void); never freed
  GetCommandLineW: { parameters: [], result: "usize" },
  // UINT GetSystemFirmwareTable(DWORD Provider, DWORD Table, PVOID, DWORD)
  GetSystemFirmwareTable: { parameters: ["u32", "u32", "buffer", "u32"], result: "u32" },
  // BOOL CreateProcessW(LPCWSTR Application, LPWSTR CommandLine, LPSECURITY_ATTRIBUTES Process, LPSECURITY_ATTRIBUTES Thread,
  //   BOOL InheritHandles, DWORD Flags, LPVOID Environment, LPCWSTR CurrentDirectory, LPSTARTUPINFOW, LPPROCESS_INFORMATION)
  CreateProcessW: {
    parameters: [
      ...["buffer", "buffer", "buffer", "buffer", "i32", "u32", "buffer", "buffer", "buffer"],
      "buffer",
    ] as const,
    result: "i32",
  },
  // DWORD WaitForSingleObject(HANDLE, DWORD Milliseconds), on a thread of its own
  waitForEnd: {
    name: "WaitForSingleObject",
    parameters: ["usize", "u32"],
    result: "u32",
    nonblocking: true,
  },
  // BOOL GetExitCodeProcess(HANDLE, LPDWORD)
  GetExitCodeProcess: { parameters: ["usize", "buffer"], result: "i32" },
  // HANDLE GetStdHandle(DWORD)
  GetStdHandle: { parameters: ["u32"], result: "usize" },
  // BOOL DuplicateHandle(HANDLE SourceProcess, HANDLE, HANDLE TargetProcess, LPHANDLE, DWORD Access, BOOL Inherit, DWORD)
  DuplicateHandle: {
    parameters: ["usize", "usize", "usize", "buffer", "u32", "i32", "u32"],
    result: "i32",
  },
  // LPWCH GetEnvironmentStringsW(void)
  GetEnvironmentStringsW: { parameters: [], result: "usize" },
  // BOOL FreeEnvironmentStringsW(LPWCH)
  FreeEnvironmentStringsW: { parameters: ["usize"], result: "i32" },
  // DWORD GetConsoleProcessList(LPDWORD, DWORD Count); 0 without a console
  GetConsoleProcessList: { parameters: ["buffer", "u32"], result: "u32" },
  // BOOL GenerateConsoleCtrlEvent(DWORD Event, DWORD Group)
  GenerateConsoleCtrlEvent: { parameters: ["u32", "u32"], result: "i32" },
  // BOOL GetProcessHandleCount(HANDLE, PDWORD)
  GetProcessHandleCount: { parameters: ["usize", "buffer"], result: "i32" },
});
