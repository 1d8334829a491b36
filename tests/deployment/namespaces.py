"""A network and a file system view of this process's own, in which names of AWS lead here and nothing leads out."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000


class NoNamespacesError(Exception):
    """This machine allows no namespaces; the text tells why."""


def check() -> None:
    """Raise NoNamespacesError if `enter` cannot work, as far as can be seen without trying."""
    if sys.platform != "linux":
        raise NoNamespacesError("only Linux has namespaces")
    if os.getuid() != 0:
        raise NoNamespacesError("only root makes namespaces")
    for program, package in (("ip", "iproute2"), ("mount", "mount")):
        if not shutil.which(program):
            raise NoNamespacesError(f"there is no program {program} (Debian: apt-get install {package})")


def enter(resolver: Path) -> None:
    """Move this process, and whatever it starts from now on, into namespaces of its own. There is no way back.

    `resolver` takes the place of /etc/resolv.conf, and /opt is empty. Raise NoNamespacesError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET):
        raise NoNamespacesError(f"unshare: {os.strerror(ctypes.get_errno())}")
    _run("mount", "--make-rprivate", "/")
    _run("mount", "--bind", str(resolver), "/etc/resolv.conf")
    _run("mount", "-t", "tmpfs", "tmpfs", "/opt")
    _run("ip", "link", "set", "lo", "up")


def _run(*command: str) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise NoNamespacesError(f"{' '.join(command)}: {finished.stderr.strip()}")
