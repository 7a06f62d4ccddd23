"""Packages that tests make, of which uv finds no others."""

import zipfile
from importlib.metadata import distribution
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    needs: tuple[str, ...],
    extras: dict[str, tuple[str, ...]],
    tag: str,
    code: str = "",
) -> None:
    """A package of one module, which has its version and this code."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {each}" for each in needs]
    for extra, names in extras.items():
        metadata += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {each}; extra == '{extra}'" for each in names)]
    if name == "modern":
        metadata.append("Requires-Python: >=3.99")
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n{code}")
        wheel.writestr(f"{info}/METADATA", "\n".join([*metadata, ""]))
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def pack(folder: Path, name: str) -> None:
    """A wheel of a package without extensions that is installed beside the tests, so that no index is asked for it."""
    found = distribution(name)
    files = [one for one in found.files or () if one.suffix != ".pyc" and ".." not in one.parts]
    stem = f"{found.metadata['Name'].replace('-', '_')}-{found.version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for one in files:
            wheel.write(one.locate(), str(one))
