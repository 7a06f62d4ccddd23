"""What the processor and the computer around it are called: a name and numbers that tell machines apart.

Every architecture says it in another way, in ``/proc/cpuinfo`` and beside it; on macOS the kernel's own variables do.
Nothing is read that identifies an owner, such as a serial number.
"""

import platform
import re
import subprocess
import sys
from collections.abc import Iterator

from stackmatrix.system.arm_parts import DESIGNERS, name_of
from stackmatrix.system.linux import read

INFO = "/proc/cpuinfo"
ARM = ("CPU implementer", "CPU part", "CPU variant", "CPU revision")
RISC_V = ("mvendorid", "marchid", "mimpid")
NO_NAME = re.compile(r"(ARMv\d|AArch64|ARM)\w*( Processor)?( rev \d+.*)?", re.IGNORECASE)
"""An architecture in place of a name, as 32-bit kernels have it."""
DMI, DEVICE_TREE = "/sys/class/dmi/id", "/proc/device-tree"
FILLED_IN = {"", "none", "default string", "not specified", "not applicable", "unknown", "o.e.m.", "oem", "empty"}
FILLED_IN |= {"to be filled by o.e.m.", "system manufacturer", "system product name", "system version"}
"""What stands in firmware whose maker has said nothing."""
SYSCTL_S = 5.0


def cpu_model() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    info = read(INFO) or ""
    for tell in (_model_name, _arm_name, _risc_v_name, _mainframe_name, _other_name):
        if name := tell(info):
            return name
    if sys.platform == "darwin" and (name := sysctl("machdep.cpu.brand_string")):
        return " ".join(name.split())
    return platform.processor() or platform.machine()


def cpu_id() -> str | None:
    """The processor's family, model and stepping, or other numbers in their place; ``None`` where nothing tells.

    An ARM processor has its designer, design, variant and revision, a RISC-V one those of its vendor, each as ``0x41``;
    a POWER one its version register. Of several kinds each is told.
    """
    info = read(INFO) or ""
    parts = [_field(info, key) for key in ("cpu family", "model", "stepping")]
    if all(part.isdecimal() for part in parts):
        return "-".join(parts)
    for keys in (ARM, RISC_V):
        if numbers := list(dict.fromkeys(_rows(info, keys))):
            return "+".join("-".join(row) for row in numbers)
    if found := re.search(r"\(pvr ([0-9a-f]+) ([0-9a-f]+)\)", info):
        return f"0x{found[1]}-0x{found[2]}"
    if sys.platform == "darwin":
        told = [sysctl(f"machdep.cpu.{key}") for key in ("family", "model", "stepping")]
        family = sysctl("hw.cpufamily")
        return "-".join(one for one in told if one) or (f"{int(family) & 0xFFFFFFFF:#x}" if family else None)
    return None


def computer() -> str | None:
    """What the computer, board or virtual machine around the processor is called; ``None`` where nothing tells."""
    info = read(INFO) or ""
    if sys.platform == "darwin":
        return sysctl("hw.model")
    told = (_field(info, "Model"), firmware(f"{DEVICE_TREE}/model"), _field(info, "machine"), _field(info, "Hardware"))
    if name := next((one for one in told if one.lower() not in FILLED_IN), None):
        return name
    words = [firmware(f"{DMI}/{file}") for file in ("sys_vendor", "product_name")]
    return " ".join(dict.fromkeys(one for one in words if one.lower() not in FILLED_IN)) or None


def firmware(path: str) -> str:
    """A text of the firmware, which may end with nulls; empty where there is none."""
    return " ".join((read(path) or "").replace("\0", " ").split())


def sysctl(name: str) -> str | None:
    """One of the variables of macOS's kernel, or ``None`` where it has none of that name."""
    command = ["/usr/sbin/sysctl", "-n", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SYSCTL_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _field(info: str, key: str) -> str:
    """The first value of a line of ``/proc/cpuinfo``; empty where there is none."""
    found = re.search(rf"^{re.escape(key)}[ \t]*:[ \t]*(\S.*)$", info, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _rows(info: str, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Those values of each processor that it has, in the order of the keys; nothing of one that lacks the first."""
    for block in re.split(r"\n\s*\n", info):
        values = tuple(_field(block, key) for key in keys)
        if values[0]:
            yield tuple(value for value in values if value)


def _model_name(info: str) -> str:
    """As x86 has it, and LoongArch with capitals."""
    name = _field(info, "model name") or _field(info, "Model Name")
    return "" if NO_NAME.fullmatch(name) else name


def _arm_name(info: str) -> str:
    """Every design among the cores, after who has designed it."""
    by_designer: dict[str, dict[str, None]] = {}
    for row in _rows(info, ARM[:2]):
        numbers = [_number(value) for value in row]
        if len(numbers) == 2 and None not in numbers:
            designer, design = (number or 0 for number in numbers)
            named = DESIGNERS.get(designer, f"ARM designer {designer:#04x}")
            by_designer.setdefault(named, {})[name_of(designer, design)] = None
    return ", ".join(f"{designer} {' + '.join(designs)}" for designer, designs in by_designer.items())


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _risc_v_name(info: str) -> str:
    """The design, or the instructions that it has, without the list of extensions."""
    if name := _field(info, "uarch"):
        return name
    isa = _field(info, "isa")
    return f"RISC-V {isa.partition('_')[0]}" if isa.startswith("rv") else ""


def _mainframe_name(info: str) -> str:
    """IBM's mainframes have a number for a machine."""
    found = re.search(r"^processor \d+:.*\bmachine = (\w+)", info, re.MULTILINE)
    return f"IBM Z {found[1]}" if found else ""


def _other_name(info: str) -> str:
    """As POWER, MIPS and SPARC have it, without what it can do and how it is run."""
    name = _field(info, "cpu") or _field(info, "cpu model")
    return re.sub(r" \((architected|raw)\)", "", name.partition(",")[0])
