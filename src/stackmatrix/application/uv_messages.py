"""uv's reports of failure, in one sentence each: which package, what it lacked, and the remedy."""

import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 500
"""Characters of a reason that are shown."""

DEBIAN_PACKAGES = {
    "lz4": "liblz4-dev", "pg_config": "libpq-dev", "libpq-fe": "libpq-dev", "pq": "libpq-dev",
    "mysql": "default-libmysqlclient-dev", "mysqlclient": "default-libmysqlclient-dev",
    "mysql_config": "default-libmysqlclient-dev", "mariadb": "libmariadb-dev", "Python": "python3-dev",
    "ffi": "libffi-dev", "libffi": "libffi-dev", "openssl": "libssl-dev", "ssl": "libssl-dev",
    "libxml": "libxml2-dev", "libxml2": "libxml2-dev", "xml2-config": "libxml2-dev", "libxslt": "libxslt1-dev",
    "xslt-config": "libxslt1-dev", "jpeg": "libjpeg-dev", "jpeglib": "libjpeg-dev", "zlib": "zlib1g-dev",
    "ldap": "libldap-dev", "lber": "libldap-dev", "sasl": "libsasl2-dev", "xmlsec1": "libxmlsec1-dev",
    "geos-config": "libgeos-dev", "gdal-config": "libgdal-dev", "cairo": "libcairo2-dev", "pcre": "libpcre3-dev",
    "sqlite3": "libsqlite3-dev", "krb5-config": "libkrb5-dev", "curl": "libcurl4-openssl-dev",
    "curl-config": "libcurl4-openssl-dev", "crypt": "libcrypt-dev", "zstd": "libzstd-dev", "acl": "libacl1-dev",
    "xxhash": "libxxhash-dev",
}  # fmt: skip
"""The package with the headers of a library, by the name that builds miss it under."""

LACKS = (
    re.compile(r"fatal error: '?([^'\s]+\.h(?:pp)?)'?(?::| file) "),
    re.compile(r"Could not find (\S+) (?:lib|headers)"),
    re.compile(r"headers or library files could not be found for (\w+)"),
    re.compile(r"\b([a-z0-9]+[-_]config)\b[^\n]*not found"),
    re.compile(r"No package '([^']+)' found"),
    re.compile(r"Package '?([\w.+-]+)'?,? (?:was not found|required by)"),
    re.compile(r"cannot find -l([\w+-]+)"),
)
"""How builds say which library they did not find."""

NO_COMPILER = (
    re.compile(r"command '([^']+)' failed: No such file or directory"),
    re.compile(r"No such file or directory: '([^']*(?:cc|\+\+|clang)[^']*)'"),
    re.compile(r"unable to execute '([^']+)': No such file"),
    re.compile(r"(Rust compiler|rustc|cargo)\b[^\n]*(?:not found|not installed|not on PATH)"),
    re.compile(r"can't find (Rust compiler)"),
    re.compile(r"no acceptable (C compiler) found"),
    re.compile(r"you need a (C compiler)"),
)

UNREACHABLE = re.compile(
    r"resolve host|dns error|lookup address|[Ff]ailed to connect|Connection refused|timed out|unreachable"
    r"|client error \(Connect"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What uv said, for people, and whether it is that requirements do not fit together."""

    sentence: str
    is_no_solution: bool = False


def explain(said: str) -> Told:
    """One sentence for what uv printed on standard error. Passwords in addresses are left out."""
    text = _plain(said)
    for rule in _RULES:
        sentence = rule(text)
        if sentence:
            return Told(sentence, rule is _no_solution)
    if said_by_pip := re.findall(r"^ERROR: (.+)", text, re.MULTILINE):
        return Told(f"pip failed: {_shorten(said_by_pip[-1])}")
    return Told(f"uv failed: {_shorten(_errors(text))}")


def _plain(said: str) -> str:
    """Without the marks of a tree, in which uv prints causes, and without what is secret in an address."""
    lines = [re.sub(r"^[\s×╰├─▶│]*(?:cause: |Caused by: )?", "", line) for line in said.splitlines()]
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))
    return re.sub(r"://[^/@\s']+@", "://", text)


def _errors(text: str) -> str:
    """From uv's first error on, without hints."""
    found = re.search(r"^(?:error: )(.*)", text, re.MULTILINE | re.DOTALL)
    kept = [line for line in (found[1] if found else text).splitlines() if not line.startswith(("hint:", "warning:"))]
    return " ".join(" ".join(kept).split())


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _package(text: str) -> str | None:
    """The package that could not be built or fetched."""
    found = re.search(r"Failed to (?:build|download and build|download|fetch|prepare)[^`\n]*`([^`]+)`", text)
    return found[1] if found else None


def _git(text: str) -> str | None:
    """A package that comes from a repository."""
    if "Git" not in text:
        return None
    # uv breaks its lines where they are long, as they are where the path of a project is.
    said = " ".join(text.split())
    package = _package(said) or ""
    found = re.search(r"git\+?\w*://([^/\s'`]+)|https?://([^/\s'`]+)|ssh://([^/\s'`]+)", package or said)
    host = next((part for part in found.groups() if part), "") if found else ""
    if "Git executable not found" in text:
        return f"{package.split(' ')[0]} comes from a git repository, and git is not installed: install git."
    last = re.findall(r"(?:fatal|error): (?!Failed to)(.+?)(?= (?:fatal|error): |$)", said)
    reason = _shorten(last[-1] if last else _errors(text))
    if UNREACHABLE.search(said):
        return f"a package comes from {host or 'a git repository'}, which cannot be reached: {package} ({reason})."
    return f"{package} cannot be had from {host or 'its git repository'}: {reason}."


def _build(text: str) -> str | None:
    """A package that is built from source, and failed."""
    package = _package(text)
    if package is None or "build backend" not in text:
        return None
    name = re.split(r"[\s@]", package)[0]
    output = text.split("The build backend", 1)[1].split("\nhint:", 1)[0]
    for pattern in NO_COMPILER:
        found = pattern.search(output)
        if found:
            return (
                f"{name} has no wheel for this Python and is built from source, and there is no compiler ({found[1]}): "
                "install one (Debian, Ubuntu: apt install build-essential; macOS: xcode-select --install), "
                "or choose another Python or another version of it."
            )
    for pattern in LACKS:
        found = pattern.search(output)
        if found:
            lacks = found[1].rstrip(",.")
            stem = re.sub(r"\.h(pp)?$", "", lacks.split("/")[-1] if "/" in lacks else lacks)
            debian = DEBIAN_PACKAGES.get(stem) or DEBIAN_PACKAGES.get(lacks.split("/")[0])
            where = f" (Debian: {debian})" if debian else " that has it"
            return (
                f"{name} is built from source and did not find {lacks}; install the system's package{where}, "
                "or leave it out by naming what to install."
            )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{name} is built from source, and that failed: {_shorten(lines[-1]) if lines else 'it does not say why'}"


def _missing_wheel(text: str) -> str | None:
    """A package of which there is neither a fitting wheel nor a source."""
    found = re.search(r"(\S+?)==(\S+) has no (?:usable )?wheels? with a matching (.+?) tag", text)
    if found is None:
        return None
    wanted = re.search(r"You require (\S+ [\d.]+\w*)", text)
    fits = f"for {wanted[1]}" if wanted else f"of a fitting {found[3].lower()}"
    return (
        f"{found[1]} {found[2]} has no wheel {fits}, and there is no source to build it from: "
        "choose another Python or another version of it."
    )


def _python(text: str) -> str | None:
    """A package that leaves this Python out."""
    found = re.search(
        r"current Python version \(([^)]+)\) does not satisfy Python(\S+) and (?:all versions of )?(\S+) depends", text
    )
    if found:
        package, range_, is_python = found[3], found[2], f", and this is Python {found[1]}"
    else:
        found = re.search(r"(\S+==\S+) requires Python (\S+)", text)
        if found is None:
            return None
        package, range_, is_python = found[1], found[2], ""
    return (
        f"{package.replace('==', ' ')} wants Python {range_.rstrip(',')}{is_python}: "
        "leave this Python out, or take another version of it."
    )


def _unreachable(text: str) -> str | None:
    """No network."""
    if not UNREACHABLE.search(text):
        return None
    found = re.search(r"https?://([^/\s'`)]+)", text)
    host = found[1] if found else "the package index"
    return f"{host}, from which packages are installed, cannot be reached: is there a network?"


def _hash(text: str) -> str | None:
    """A file that is not the one that was locked."""
    found = re.search(r"Hash mismatch for `([^`]+)`", text)
    if found is None:
        return None
    return (
        f"{found[1].replace('==', ' ')} is not the file that was locked: what the package index gave has another hash; "
        "is that a mirror, or a cache that is broken (uv cache clean)?"
    )


def _disk(text: str) -> str | None:
    """No room, or nothing may be written."""
    if "No space left on device" in text or "os error 28" in text:
        return "there is no space left on the disk for packages: make room (uv cache prune)."
    found = re.search(
        r"(?:failed to (?:create|open|write|rename|copy)[^`\n]*) `([^`]+)`.*?(Permission denied|Read-only)",
        text,
        re.DOTALL,
    )
    return f"{found[1]} cannot be written ({found[2].lower()}): mend its permissions." if found else None


def _offline(text: str) -> str | None:
    """A network that uv was told not to use."""
    if "network was disabled" not in text and "Network connectivity is disabled" not in text:
        return None
    return "packages are not in uv's cache, and it may not use the network: unset UV_OFFLINE (or --offline)."


def _interpreter(text: str) -> str | None:
    """A Python that does not run."""
    found = re.search(
        r"(?:[Qq]uerying Python at|inspect Python interpreter from [^`]* at|Python interpreter at) `([^`]+)`", text
    )
    if found is None:
        return None
    last = text.strip().splitlines()[-1].strip()
    return f"the Python at {found[1]} does not run: {_shorten(last)}"


def _unknown_name(text: str) -> str | None:
    found = re.search(r"(\S+) was not found in the (?:package registry|provided package locations)", text)
    return f"There is no package {found[1]} where packages are installed from: is its name right?" if found else None


def _undefined(text: str) -> str | None:
    """A group or an extra that the project does not define."""
    found = re.search(
        r"(Group|Extra) `([^`]+)` is not defined|does not (?:have|contain) an? (extra|group) `?(\S+?)`?\b", text
    )
    if found is None:
        return None
    kind, name = (found[1] or found[3]).lower(), found[2] or found[4]
    return f"install asks for the {kind} {name}, and the project has no such {kind}: correct its name."


def _no_solution(text: str) -> str | None:
    """Requirements that contradict each other, or a version that does not exist."""
    if "No solution found" not in text:
        return None
    cause = re.sub(r"^No solution found when resolving dependencies[^:.]*?:? ?(?=Because)", "", _errors(text))
    cause = re.sub(r",? we can conclude that (?:your|the) requirements are unsatisfiable\.?", "", cause)
    return f"The packages do not fit together: {_shorten(cause).rstrip('.')}."


_RULES: tuple[Callable[[str], str | None], ...] = (
    _git, _disk, _hash, _build, _missing_wheel, _python, _offline, _interpreter, _unreachable,
    _unknown_name, _undefined, _no_solution,
)  # fmt: skip
"""The most special first."""
