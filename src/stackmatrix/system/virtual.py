"""Whether a hypervisor is below this system: by what each kind of machine is known to say, else unknown.

x86 has a flag for it. ARM has none: there the firmware's names, the device tree and the hypervisor's own folder tell,
as they do for others (systemd-detect-virt(1) looks at the same).
"""

import re
import sys

from stackmatrix.system.linux import read
from stackmatrix.system.processor import DEVICE_TREE, DMI, INFO, firmware, sysctl

HYPERVISORS = (
    "QEMU", "KVM", "VMware", "VMW", "innotek", "VirtualBox", "Xen", "Bochs", "Parallels", "BHYVE", "OpenStack",
    "Google Compute Engine", "Apple Virtualization", "Virtual Machine", "Alibaba Cloud", "DigitalOcean", "vServer",
    "CloudStack", "Nutanix", "oVirt", "RHEV", "Firecracker", "Cloud Hypervisor", "crosvm",
)  # fmt: skip
"""Names that stand in the firmware of virtual machines."""
FILES = ("sys_vendor", "product_name", "product_version", "board_vendor", "bios_vendor")


def is_virtualised() -> bool | None:
    """Whether a hypervisor is below, or ``None`` where the system does not tell."""
    if sys.platform == "darwin":
        return {"1": True, "0": False}.get(sysctl("kern.hv_vmm_present") or "")
    info = read(INFO) or ""
    flags = re.search(r"^flags\s*:(.*)$", info, re.MULTILINE)
    if flags is not None:  # of x86, where names in the firmware are also those of whom a whole machine is rented from
        return "hypervisor" in flags[1].split() or _by_hypervisor() is True
    told = (_by_hypervisor(), _by_firmware(), _by_platform(info), _by_device_tree())
    if True in told:
        return True
    return False if False in told else None


def _by_platform(info: str) -> bool | None:
    """By what POWER's line says, or the mainframe's own report."""
    platform = re.search(r"^platform\s*:\s*(\w+)$", info, re.MULTILINE)
    if platform is not None:
        return {"pSeries": True, "PowerNV": False}.get(platform[1])
    # z/VM and KVM are named beside the partition that every mainframe's system runs in.
    return True if "Control Program:" in (read("/proc/sysinfo") or "") else None


def _by_hypervisor() -> bool | None:
    """Xen has a folder of its own; the first of its systems, which rules the others, runs beside it."""
    if (read("/sys/hypervisor/type") or "").strip() != "xen":
        return None
    return None if "control_d" in (read("/proc/xen/capabilities") or "") else True


def _by_firmware() -> bool | None:
    told = [firmware(f"{DMI}/{file}") for file in FILES]
    if "Amazon EC2" in told[0]:
        return ".metal" not in told[1]
    return True if any(name in one for name in HYPERVISORS for one in told) else None


def _by_device_tree() -> bool | None:
    """A board is described by its maker; what describes no board is a virtual one."""
    compatible = firmware(f"{DEVICE_TREE}/compatible")
    if firmware(f"{DEVICE_TREE}/hypervisor/compatible") or "linux,dummy-virt" in compatible:
        return True
    return False if compatible else None
