/** Values that manufacturers leave in place of a serial number: lower case, letters and digits only. */
const MANUFACTURERS: ReadonlySet<string> = new Set([
  "",
  "none",
  "tobefilledbyoem",
  "tobesetbyoem",
  "defaultstring",
  "default",
  "notspecified",
  "notapplicable",
  "notavailable",
  "notpresent",
  "notsettable",
  "na",
  "unknown",
  "invalid",
  "serialnumber",
  "systemserialnumber",
  "baseboardserialnumber",
  "chassisserialnumber",
  "oem",
  "uninitialized",
  "123456789",
  "0123456789",
  "1234567890",
  // boards of ASUS and of Insyde's firmware, as lshw shows them; FOGProject/fogproject, HostManager, invalidMbSerial
  "bsn12345678901234567",
  "type2boardserialnumber",
  "pcie2",
]);

/** UUIDs that many boards share, in the same form. */
const SHARED_UUIDS: ReadonlySet<string> = new Set([
  // osquery, osquery/core/system.cpp, kPlaceholderHardwareUUIDList; the first is AMI's default
  "03000200040005000006000700080009",
  "030201000504070608090a0b0c0d0e0f",
  "10000000000080000040000000000000",
  "fefefefefefefefefefefefefefefefe",
  // FOGProject/fogproject, HostManager, invalidUuids; some also in the byte order of SMBIOS before 2.6 (DMTF DSP0134, 7.2.1)
  "00020003000400050006000700080009",
  "123456781234567890abcddeefaabbcc",
  "785634123412785690abcddeefaabbcc",
  "ffffff00ffffffffffffffffffffffff",
  // Dell boards without a service tag: it is spelled out in the UUID, here as blanks
  "4c4c454400002010802080c04f202020",
]);

/** Constants of hypervisors, clouds and images, in the same form: every machine of theirs has them. */
const HYPERVISORS: readonly RegExp[] = [
  // IDE and SATA disks of QEMU, numbered within the machine: hw/ide/core.c, "QM%05d"
  /^qm\d{5}$/,
  // NVMe disks of Google Cloud: GoogleCloudPlatform/guest-configs, google_nvme_id
  /^nvmecard(?:pd|\d*)$/,
  // NVMe disks of VMware, numbered within the machine, as `nvme list` and Get-Disk show them
  /^vmwarenvme\d{4}$/,
  // SATA disks of VMware, numbered within the machine, as `hdparm -I` and Get-Disk show them
  /^\d\d0{17}1$/,
  // NVMe disks of Azure: microsoft/openvmm, vm/devices/storage/nvme, "SN: 000001"
  /^sn0{5}1$/,
  // machine id of every Whonix and Kicksecure: Whonix/dist-base-files, etc/machine-id
  /^b08dfa6083e7567a1921a715000001fb$/,
];

/** Whether a value identifies no machine, because many share it. */
export function isPlaceholder(value: string): boolean {
  const bare = value.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
  return MANUFACTURERS.has(bare) || SHARED_UUIDS.has(bare) || /^(?:0+|f{4,}|x{4,})$/.test(bare) ||
    HYPERVISORS.some((constant) => constant.test(bare));
}
