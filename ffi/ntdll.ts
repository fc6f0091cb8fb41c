import { openSystemLibrary } from "./windows_library.ts";

/**
 * ntdll.dll. Its functions return an NTSTATUS; those of kernel32.dll set a thread variable instead, which the runtime
 * overwrites. Handles and addresses are `usize`.
 */
export const ntdll = openSystemLibrary("ntdll.dll", {
  // NTSTATUS NtCreateNamedPipeFile(PHANDLE, ULONG DesiredAccess, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG ShareAccess,
  //   ULONG CreateDisposition, ULONG CreateOptions, ULONG NamedPipeType, ULONG ReadMode, ULONG CompletionMode,
  //   ULONG MaximumInstances, ULONG InboundQuota, ULONG OutboundQuota, PLARGE_INTEGER DefaultTimeout)
  NtCreateNamedPipeFile: {
    parameters: [
      ...["buffer", "u32", "buffer", "buffer", "u32", "u32", "u32", "u32", "u32", "u32", "u32"],
      ...["u32", "u32", "buffer"],
    ] as const,
    result: "u32",
  },
  // NTSTATUS NtCreateFile(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, PLARGE_INTEGER AllocationSize,
  //   ULONG FileAttributes, ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength)
  NtCreateFile: {
    parameters: [
      ...["buffer", "u32", "buffer", "buffer", "buffer", "u32", "u32", "u32", "u32"],
      ...["buffer", "u32"],
    ] as const,
    result: "u32",
  },
  // NTSTATUS NtFsControlFile(HANDLE, HANDLE Event, PIO_APC_ROUTINE, PVOID ApcContext, PIO_STATUS_BLOCK, ULONG FsControlCode,
  //   PVOID InputBuffer, ULONG InputLength, PVOID OutputBuffer, ULONG OutputLength)
  NtFsControlFile: {
    parameters: [
      ...["usize", "usize", "usize", "usize", "buffer", "u32", "buffer", "u32"],
      ...["buffer", "u32"],
    ] as const,
    result: "u32",
  },
  // NTSTATUS NtDeviceIoControlFile: as NtFsControlFile
  NtDeviceIoControlFile: {
    parameters: [
      ...["usize", "usize", "usize", "usize", "buffer", "u32", "buffer", "u32"],
      ...["buffer", "u32"],
    ] as const,
    result: "u32",
  },
  // NTSTATUS NtReadFile(HANDLE, HANDLE Event, PIO_APC_ROUTINE, PVOID ApcContext, PIO_STATUS_BLOCK, PVOID Buffer, ULONG Length,
  //   PLARGE_INTEGER ByteOffset, PULONG Key)
  NtReadFile: {
    parameters: [
      ...["usize", "usize", "usize", "usize", "buffer", "buffer", "u32", "buffer", "buffer"],
    ] as const,
    result: "u32",
  },
  // NTSTATUS NtWriteFile: as NtReadFile
  NtWriteFile: {
    parameters: [
      ...["usize", "usize", "usize", "usize", "buffer", "buffer", "u32", "buffer", "buffer"],
    ] as const,
    result: "u32",
  },
  // NTSTATUS NtCancelIoFileEx(HANDLE, PIO_STATUS_BLOCK IoRequestToCancel, PIO_STATUS_BLOCK); NULL cancels all
  NtCancelIoFileEx: { parameters: ["usize", "buffer", "buffer"], result: "u32" },
  // NTSTATUS NtClose(HANDLE)
  NtClose: { parameters: ["usize"], result: "u32" },
});
