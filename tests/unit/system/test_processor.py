"""What processors and computers are called, by what real ones have in ``/proc/cpuinfo`` and beside it.

This machine has one processor only: the others' files are as their kernels print them, one block a kind of core.
"""

import platform
import subprocess
from collections.abc import Callable, Mapping

import msgspec
import pytest

from stackmatrix.system import host, processor, virtual
from stackmatrix.system.cores import Layout

type Machine = Callable[..., None]

GIB = 2**30


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Puts a kernel's files in place of this one's: those of the processor, and others by their paths."""

    def put(info: str, files: Mapping[str, str] | None = None) -> None:
        every = {processor.INFO: info, **(files or {})}
        monkeypatch.setattr(processor, "read", every.get)
        monkeypatch.setattr(virtual, "read", every.get)
        monkeypatch.setattr(platform, "processor", lambda: "")
        monkeypatch.setattr(platform, "machine", lambda: "some-architecture")
        monkeypatch.setattr("sys.platform", "linux")

    return put


def arm(designer: str, design: str, variant: str = "0x0", revision: str = "0", architecture: str = "8") -> str:
    return (
        f"processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes\n"
        f"CPU implementer\t: {designer}\nCPU architecture: {architecture}\nCPU variant\t: {variant}\n"
        f"CPU part\t: {design}\nCPU revision\t: {revision}\n\n"
    )


GRAVITON_2 = arm("0x41", "0xd0c", "0x3", "1") * 2
BOARD = (
    "Hardware\t: BCM2835\nRevision\t: c03114\nSerial\t\t: 1000000000000000\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
)
RASPBERRY_PI_4 = arm("0x41", "0xd08", revision="3") * 4 + BOARD
RASPBERRY_PI_4_32_BIT = (
    "processor\t: 0\nmodel name\t: ARMv7 Processor rev 3 (v7l)\nBogoMIPS\t: 108.00\n"
    "Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32 \n"
    "CPU implementer\t: 0x41\nCPU architecture: 7\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n"
) * 4 + BOARD.replace("BCM2835", "BCM2711")
ROCK_5 = arm("0x41", "0xd05", "0x2") * 4 + arm("0x41", "0xd0b", "0x4") * 4
APPLE_M1 = arm("0x61", "0x022", "0x1", "1") * 4 + arm("0x61", "0x023", "0x1", "1") * 4
IN_A_MACS_VIRTUAL_MACHINE = arm("0x61", "0x000") * 4
NEWER_THAN_THIS = arm("0x41", "0xdff") + arm("0x99", "0x123")
VISION_FIVE_2 = (
    "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc_zicntr_zicsr_zifencei_zihpm_zba_zbb\nmmu\t\t: sv39\n"
    "uarch\t\t: sifive,u74-mc\nmvendorid\t: 0x489\nmarchid\t\t: 0x8000000000000007\nmimpid\t\t: 0x4210427\n\n"
) * 4
RISC_V_WITHOUT_A_NAME = "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdcvh_zicbom_zicboz\nmmu\t\t: sv57\n"
POWER_9 = (
    "processor\t: 0\ncpu\t\t: POWER9 (raw), altivec supported\nclock\t\t: 2050.000000MHz\n"
    "revision\t: 1.0 (pvr 004e 0100)\n\ntimebase\t: 512000000\nplatform\t: PowerNV\n"
    "model\t\t: 8375-42A\nmachine\t\t: PowerNV 8375-42A\nfirmware\t: OPAL\n"
)
POWER_9_UNDER_QEMU = (
    "processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\nclock\t\t: 2200.000000MHz\n"
    "revision\t: 2.2 (pvr 004e 1202)\ntimebase\t: 512000000\nplatform\t: pSeries\n"
    "model\t\t: IBM pSeries (emulated by qemu)\nmachine\t\t: CHRP IBM pSeries (emulated by qemu)\nMMU\t\t: Radix\n"
)
MAINFRAME = (
    "vendor_id       : IBM/S390\n# processors    : 2\nbogomips per cpu: 3033.00\nmax thread id   : 0\n"
    "processor 0: version = FF,  identification = 0133E8,  machine = 3906\n"
    "processor 1: version = FF,  identification = 0133E8,  machine = 3906\n"
)
LOONGSON = "processor\t\t: 0\npackage\t\t\t: 0\nCPU Family\t\t: Loongson-64bit\nModel Name\t\t: Loongson-3A5000\n"
MIPS = "system type\t\t: MediaTek MT7621\nprocessor\t\t: 0\ncpu model\t\t: MIPS 1004Kc V2.15\n"


def x86(name: str, numbers: str = "6 6 3", flags: str = "fpu vme de pse tsc") -> str:
    family, model, stepping = numbers.split()
    return (
        f"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: {name}\n"
        f"stepping\t: {stepping}\nflags\t\t: {flags}\nbogomips\t: 4199.99\n\n"
    )


QEMU = "QEMU Virtual CPU version 2.5+"


@pytest.mark.parametrize(
    ("info", "name", "numbers"),
    [
        (GRAVITON_2, "ARM Neoverse-N1", "0x41-0xd0c-0x3-1"),
        (RASPBERRY_PI_4, "ARM Cortex-A72", "0x41-0xd08-0x0-3"),
        (RASPBERRY_PI_4_32_BIT, "ARM Cortex-A72", "0x41-0xd08-0x0-3"),
        (ROCK_5, "ARM Cortex-A55 + Cortex-A76", "0x41-0xd05-0x2-0+0x41-0xd0b-0x4-0"),
        (APPLE_M1, "Apple M1 Icestorm + M1 Firestorm", "0x61-0x022-0x1-1+0x61-0x023-0x1-1"),
        (IN_A_MACS_VIRTUAL_MACHINE, "Apple part 0x000", "0x61-0x000-0x0-0"),
        (NEWER_THAN_THIS, "ARM part 0xdff, ARM designer 0x99 part 0x123", "0x41-0xdff-0x0-0+0x99-0x123-0x0-0"),
        (VISION_FIVE_2, "sifive,u74-mc", "0x489-0x8000000000000007-0x4210427"),
        (RISC_V_WITHOUT_A_NAME, "RISC-V rv64imafdcvh", None),
        (POWER_9, "POWER9", "0x004e-0x0100"),
        (POWER_9_UNDER_QEMU, "POWER9", "0x004e-0x1202"),
        (MAINFRAME, "IBM Z 3906", None),
        (LOONGSON, "Loongson-3A5000", None),
        (MIPS, "MIPS 1004Kc V2.15", None),
        (x86(QEMU, "15 107 1"), QEMU, "15-107-1"),
        (x86("Intel(R) Xeon(R) CPU @ 2.20GHz", "6 79 0"), "Intel(R) Xeon(R) CPU @ 2.20GHz", "6-79-0"),
        ("", "some-architecture", None),
        ("\0\xff:::\nCPU part\t: seven\nCPU implementer\t: none\n", "some-architecture", "none-seven"),
    ],
)
def test_a_processor_is_called_by_what_its_kind_says(
    machine: Machine, info: str, name: str, numbers: str | None
) -> None:
    machine(info)
    assert (processor.cpu_model(), processor.cpu_id()) == (name, numbers)


@pytest.mark.parametrize(
    ("info", "files", "name"),
    [
        (RASPBERRY_PI_4, {}, "Raspberry Pi 4 Model B Rev 1.4"),
        (VISION_FIVE_2, {"/proc/device-tree/model": "StarFive VisionFive 2 v1.3B\0"}, "StarFive VisionFive 2 v1.3B"),
        (POWER_9, {}, "PowerNV 8375-42A"),
        (
            GRAVITON_2,
            {"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/class/dmi/id/product_name": "m6g.large\n"},
            "Amazon EC2 m6g.large",
        ),
        (
            x86("AMD Ryzen 7 3700X 8-Core Processor"),
            {"/sys/class/dmi/id/sys_vendor": "To Be Filled By O.E.M.\n", "/sys/class/dmi/id/product_name": "X570\n"},
            "X570",
        ),
        (x86(QEMU), {"/sys/class/dmi/id/sys_vendor": "\n"}, None),
        (x86(QEMU), {}, None),
    ],
)
def test_a_computer_is_called_by_its_firmware(
    machine: Machine, info: str, files: Mapping[str, str], name: str | None
) -> None:
    machine(info, files)
    assert processor.computer() == name


def test_no_serial_number_is_told(machine: Machine) -> None:
    machine(RASPBERRY_PI_4, {"/sys/class/dmi/id/product_serial": "SERIAL", "/sys/class/dmi/id/product_uuid": "UUID"})
    told = f"{processor.cpu_model()} {processor.cpu_id()} {processor.computer()}"
    assert not any(secret in told for secret in ("1000000000000000", "SERIAL", "UUID", "c03114"))


# macOS has no such files: its kernel's variables are asked by a program, whose answers are put in its place here.
MAC_MINI = {"machdep.cpu.brand_string": "Apple M1", "hw.cpufamily": "458787763", "hw.model": "Macmini9,1"}
MACBOOK = {**MAC_MINI, "hw.model": "MacBookAir10,1", "kern.hv_vmm_present": "0"}
INTEL_MAC = {
    "machdep.cpu.brand_string": "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "machdep.cpu.family": "6",
    "machdep.cpu.model": "158", "machdep.cpu.stepping": "10", "hw.model": "MacBookPro15,1",
}  # fmt: skip


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> Callable[[Mapping[str, str]], None]:
    def put(variables: Mapping[str, str]) -> None:
        def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
            assert command[:2] == ["/usr/sbin/sysctl", "-n"]
            told = variables.get(command[2])
            return subprocess.CompletedProcess(command, 0 if told else 1, f"{told}\n" if told else "", "")

        machine("")
        monkeypatch.setattr("sys.platform", "darwin")
        monkeypatch.setattr(subprocess, "run", run)

    return put


def test_two_macs_are_told_apart(mac: Callable[[Mapping[str, str]], None]) -> None:
    told = []
    for variables in (MAC_MINI, MACBOOK, INTEL_MAC):
        mac(variables)
        told.append((processor.cpu_model(), processor.cpu_id(), processor.computer(), virtual.is_virtualised()))
    assert told == [
        ("Apple M1", "0x1b588bb3", "Macmini9,1", None),
        ("Apple M1", "0x1b588bb3", "MacBookAir10,1", False),
        ("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "6-158-10", "MacBookPro15,1", None),
    ]


def test_a_program_that_is_not_there_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", run)
    assert processor.sysctl("hw.model") is None


@pytest.mark.parametrize(
    ("cpu_model", "cpu_id", "computer", "gib", "slug"),
    [
        ("ARM Cortex-A72", "0x41-0xd08-0x0-3", "Raspberry Pi 4 Model B Rev 1.4", 7.6,
         "arm-cortex-a72-raspberry-pi-4-model-b-rev-1-4-4-cores-8-gib"),
        ("ARM Neoverse-N1", "0x41-0xd0c-0x3-1", None, 15.4, "arm-neoverse-n1-4-cores-15-gib"),
        ("Apple M1", "0x1b588bb3", "Macmini9,1", 16, "apple-m1-macmini9-1-4-cores-16-gib"),
        ("Apple M1", "0x1b588bb3", "MacBookAir10,1", 16, "apple-m1-macbookair10-1-4-cores-16-gib"),
        (QEMU, "15-107-1", "QEMU Standard PC", 2, "qemu-virtual-version-2-5-15-107-1-4-cores-2-gib"),
        (QEMU, "6-6-3", None, 0.4, "qemu-virtual-version-2-5-6-6-3-4-cores-1-gib"),
        ("Intel Xeon E312xx (Sandy Bridge)", "6-42-1", None, 4, "intel-xeon-e312xx-sandy-bridge-6-42-1-4-cores-4-gib"),
        ("Common KVM processor", "15-6-1", None, 4, "common-kvm-15-6-1-4-cores-4-gib"),
        # What says enough stays as short as it was, and so does what has results already.
        ("AMD EPYC", "25-17-1", None, 24, "amd-epyc-25-17-1-4-cores"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "6-142-10", "LENOVO 20Y1", 16, "intel-core-i7-8550u-4-cores"),
    ],
)  # fmt: skip
def test_a_folder_is_named_so_that_machines_are_told_apart(
    cpu_model: str, cpu_id: str | None, computer: str | None, gib: float, slug: str
) -> None:
    told = {"cpu_model": cpu_model, "cpu_id": cpu_id, "computer": computer, "memory_bytes": round(gib * GIB)}
    assert host.slug(msgspec.structs.replace(host.describe(Layout()), cores=4, **told)) == slug


HYPERVISOR = "fpu vme de pse hypervisor tsc"


@pytest.mark.parametrize(
    ("info", "files", "is_virtual"),
    [
        (x86(QEMU, flags=HYPERVISOR), {}, True),
        (x86("AMD EPYC 7763"), {}, False),
        # A whole machine that is rented has the name of whom it belongs to.
        (x86("AMD EPYC 7763"), {"/sys/class/dmi/id/sys_vendor": "Alibaba Cloud\n"}, False),
        (x86("AMD EPYC 7763"), {"/sys/hypervisor/type": "xen\n"}, True),
        (x86("AMD EPYC 7763"), {"/sys/hypervisor/type": "xen\n", "/proc/xen/capabilities": "control_d\n"}, False),
        (GRAVITON_2, {}, None),
        (GRAVITON_2, {"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/class/dmi/id/product_name": "m6g.large\n"},
         True),
        (GRAVITON_2, {"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/class/dmi/id/product_name": "m6g.metal\n"},
         False),
        (GRAVITON_2, {"/sys/class/dmi/id/sys_vendor": "GIGABYTE\n", "/sys/class/dmi/id/product_name": "R272-P30\n"},
         None),
        (GRAVITON_2, {"/sys/class/dmi/id/product_name": "QEMU Virtual Machine\n"}, True),
        (GRAVITON_2, {"/proc/device-tree/compatible": "linux,dummy-virt\0"}, True),
        (GRAVITON_2, {"/proc/device-tree/compatible": "a,board\0", "/proc/device-tree/hypervisor/compatible": "xen\0"},
         True),
        (RASPBERRY_PI_4, {"/proc/device-tree/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0"}, False),
        (IN_A_MACS_VIRTUAL_MACHINE, {"/sys/class/dmi/id/product_name": "Apple Virtualization Generic Platform\n"},
         True),
        (POWER_9, {}, False),
        (POWER_9_UNDER_QEMU, {}, True),
        (MAINFRAME, {}, None),
        (MAINFRAME, {"/proc/sysinfo": "VM00 Control Program: z/VM    7.1.0\n"}, True),
        ("", {}, None),
    ],
)  # fmt: skip
def test_whether_it_is_virtual_is_unknown_where_nothing_tells(
    machine: Machine, info: str, files: Mapping[str, str], *, is_virtual: bool | None
) -> None:
    machine(info, files)
    assert virtual.is_virtualised() is is_virtual
