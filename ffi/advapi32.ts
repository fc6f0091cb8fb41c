import { openSystemLibrary } from "./windows_library.ts";

/** advapi32.dll; handles and addresses are `usize`, BOOL is `i32`. */
export const advapi32 = openSystemLibrary("advapi32.dll", {
  // BOOL OpenProcessToken(HANDLE, DWORD DesiredAccess, PHANDLE)
  OpenProcessToken: { parameters: ["usize", "u32", "buffer"], result: "i32" },
  // BOOL OpenThreadToken(HANDLE, DWORD DesiredAccess, BOOL OpenAsSelf, PHANDLE)
  OpenThreadToken: { parameters: ["usize", "u32", "i32", "buffer"], result: "i32" },
  // BOOL GetTokenInformation(HANDLE, TOKEN_INFORMATION_CLASS, LPVOID, DWORD Length, PDWORD ReturnLength)
  GetTokenInformation: { parameters: ["usize", "u32", "buffer", "u32", "buffer"], result: "i32" },
  // BOOL ImpersonateNamedPipeClient(HANDLE)
  ImpersonateNamedPipeClient: { parameters: ["usize"], result: "i32" },
  // BOOL RevertToSelf(void)
  RevertToSelf: { parameters: [], result: "i32" },
  // BOOL ConvertSidToStringSidW(PSID, LPWSTR *); free with LocalFree
  ConvertSidToStringSidW: { parameters: ["usize", "buffer"], result: "i32" },
  // BOOL ConvertStringSecurityDescriptorToSecurityDescriptorW(LPCWSTR, DWORD Revision, PSECURITY_DESCRIPTOR *, PULONG)
  ConvertStringSecurityDescriptorToSecurityDescriptorW: {
    parameters: ["buffer", "u32", "buffer", "buffer"],
    result: "i32",
  },
  // LSTATUS RegGetValueW(HKEY, LPCWSTR SubKey, LPCWSTR Value, DWORD Flags, LPDWORD Type, PVOID Data, LPDWORD Bytes)
  RegGetValueW: {
    parameters: ["usize", "buffer", "buffer", "u32", "buffer", "buffer", "buffer"],
    result: "u32",
  },
  // LSTATUS RegSetKeyValueW(HKEY, LPCWSTR SubKey, LPCWSTR Value, DWORD Type, LPCVOID Data, DWORD Bytes); creates the key
  RegSetKeyValueW: {
    parameters: ["usize", "buffer", "buffer", "u32", "buffer", "u32"],
    result: "u32",
  },
  // LSTATUS RegDeleteKeyValueW(HKEY, LPCWSTR SubKey, LPCWSTR Value)
  RegDeleteKeyValueW: { parameters: ["usize", "buffer", "buffer"], result: "u32" },
  // BOOL StartServiceCtrlDispatcherW(const SERVICE_TABLE_ENTRYW *); returns after the service stops
  StartServiceCtrlDispatcherW: { parameters: ["buffer"], result: "i32", nonblocking: true },
  // SERVICE_STATUS_HANDLE RegisterServiceCtrlHandlerExW(LPCWSTR, LPHANDLER_FUNCTION_EX, LPVOID Context); never closed
  RegisterServiceCtrlHandlerExW: { parameters: ["buffer", "function", "usize"], result: "usize" },
  // BOOL SetServiceStatus(SERVICE_STATUS_HANDLE, LPSERVICE_STATUS)
  SetServiceStatus: { parameters: ["usize", "buffer"], result: "i32" },
  // DWORD GetSecurityInfo(HANDLE, SE_OBJECT_TYPE, SECURITY_INFORMATION, PSID *Owner, PSID *Group, PACL *, PACL *,
  //   PSECURITY_DESCRIPTOR *); free the descriptor with LocalFree
  GetSecurityInfo: {
    parameters: ["usize", "u32", "u32", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "u32",
  },
});
