"""What uv says when an environment cannot be made, as it was seen to say it, and the sentence that people get."""

import pytest

from stackmatrix.application.uv_messages import explain

# Each as uv printed it, with the middle of long output left out.
NO_COMPILER = """\
  × Failed to build `uvloop==0.23.0`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)
      checking for gcc... no
      configure: error: in `/tmp/build/libuv':
      configure: error: no acceptable C compiler found in $PATH
      subprocess.CalledProcessError: Command '['./configure']' returned non-zero exit status 1.

hint: Build failures usually indicate a problem with the package or the build environment
"""
NO_COMPILER_OF_ANOTHER = """\
error: Failed to build `uwsgi==2.0.31`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         [stderr]
         Exception: you need a C compiler to build uWSGI
"""
NO_HEADER = """\
error: Failed to build `uwsgi==2.0.31`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         [stderr]
         plugins/router_basicauth/router_basicauth.c:7:10: fatal error: crypt.h: No such file or directory
             7 | #include <crypt.h>
               |          ^~~~~~~~~
         compilation terminated.

hint: This error likely indicates that you need to install a library that provides `crypt.h` for `uwsgi@2.0.31`
"""
NO_LIBRARY = NO_HEADER.replace("router_basicauth.c:7:10: fatal error: crypt.h: No such file or directory", "").replace(
    "compilation terminated.", "/usr/bin/ld: cannot find -lcrypt: No such file or directory"
)
ANYTHING = NO_HEADER.replace("fatal error: crypt.h: No such file or directory", "x").replace(
    "compilation terminated.", "error: the thing that it says last"
)
HASH = """\
error: Failed to download `six==1.17.0`
  cause: Hash mismatch for `six==1.17.0`

         Expected:
           sha256:0000000000000000000000000000000000000000000000000000000000000001

         Computed:
           sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
"""
OFFLINE = """\
error: No solution found when resolving dependencies
  cause: Because six was not found in the cache and you require six, we can conclude that your requirements are \
unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may \
only be read from the cache.
"""
UNREACHABLE = """\
error: Failed to fetch: http://me:s3cret@127.0.0.1:9/simple/six/
  cause: error sending request for url (http://me:s3cret@127.0.0.1:9/simple/six/)
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
FULL = """\
error: Failed to write to the client cache
  cause: failed to write to file `/home/me/.cache/uv/simple-v28/pypi/.tmp58BCSb`: No space left on device (os error 28)
"""
BROKEN = """\
error: Failed to inspect Python interpreter from provided path at `bad-python`
  cause: Querying Python at `/opt/bad-python` failed with exit status exit status: 3
"""
CANNOT_START = "error: /no/such/uv cannot be started: No such file or directory\n"

COMPILER = "has no wheel for this Python and is built from source, and there is no compiler (C compiler): install one"
BUILT = "uwsgi==2.0.31 is built from source"
SAID = {
    "no compiler": (NO_COMPILER, f"uvloop==0.23.0 {COMPILER}"),
    "no compiler, otherwise": (NO_COMPILER_OF_ANOTHER, f"uwsgi==2.0.31 {COMPILER}"),
    "no header": (NO_HEADER, f"{BUILT} and did not find crypt.h; install the system's package (Debian: libcrypt-dev)"),
    "no library": (NO_LIBRARY, f"{BUILT} and did not find crypt; install the system's package (Debian: libcrypt-dev)"),
    "anything": (ANYTHING, f"{BUILT}, and that failed: error: the thing that it says last"),
    "another hash": (HASH, "six 1.17.0 is not the file that was locked"),
    "offline": (OFFLINE, "packages are not in uv's cache, and it may not use the network: unset UV_OFFLINE"),
    "unreachable": (UNREACHABLE, "127.0.0.1:9, from which packages are installed, cannot be reached"),
    "a full disk": (FULL, "there is no space left on the disk for packages: make room"),
    "a broken interpreter": (BROKEN, "the Python at bad-python does not run: Querying Python at"),
    "pip": ("WARNING: x\nERROR: No matching distribution found\n", "pip failed: No matching distribution"),
    "no uv": (CANNOT_START, "uv failed: /no/such/uv cannot be started: No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "sentence"), SAID.values(), ids=SAID)
def test_what_uv_says_is_one_sentence_with_the_package_what_it_lacked_and_the_remedy(said: str, sentence: str) -> None:
    for text in (said, said.replace("error:", "\x1b[1m\x1b[31merror\x1b[39m\x1b[0m\x1b[1m:\x1b[0m", 1)):
        told = explain(text).sentence
        assert told.startswith(sentence), told
        assert "s3cret" not in told
        assert "\n" not in told
