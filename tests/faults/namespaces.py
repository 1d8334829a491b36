"""Two networks of our own with a cable between them: Linux network namespaces, in which packets can be dropped."""

import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# The function's addresses and the database's, in two subnets on the one cable.
FUNCTION_ADDRESSES = ("10.123.0.1", "10.123.1.1")
DATABASE_ADDRESSES = ("10.123.0.2", "10.123.1.2")
_CLONE_NEWNET = 0x40000000


class NoNamespacesError(Exception):
    """This machine allows no network namespaces; the text tells why."""


@dataclass(frozen=True)
class Networks:
    """The namespaces' names: one for the function, one for the database."""

    function: str
    database: str

    def drop(self, subnet: int) -> None:
        """Let nothing that the database sends over a subnet arrive from now on, and nobody be told."""
        _ip("-n", self.database, "route", "add", "blackhole", f"{FUNCTION_ADDRESSES[subnet]}/32")


@contextlib.contextmanager
def networks() -> Iterator[Networks]:
    """Make both namespaces; remove them at the end. Raise NoNamespacesError."""
    if os.getuid() != 0:
        raise NoNamespacesError("only root makes network namespaces")
    if not shutil.which("ip"):
        raise NoNamespacesError("there is no program ip (Debian: apt-get install iproute2)")
    names = [f"openl2m-stats-{secrets.token_hex(4)}-{side}" for side in ("f", "d")]
    with contextlib.ExitStack() as made:
        for name in names:
            _ip("netns", "add", name)
            made.callback(_ip, "netns", "del", name)
        _ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
        for name, addresses in zip(names, (FUNCTION_ADDRESSES, DATABASE_ADDRESSES), strict=True):
            for address in addresses:
                _ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        yield Networks(*names)


def inside(namespace: str, call: Callable[[], T]) -> T:
    """Run a call on a thread of a namespace; sockets that it opens stay there. Return what it returns."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _enter(namespace)
            results.append(call())
        except BaseException as error:  # noqa: BLE001 it is raised where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _enter(namespace: str) -> None:
    """Let this thread live in a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/run/netns/{namespace}").open("rb") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    finished = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise NoNamespacesError(f"ip {' '.join(words)}: {finished.stderr.strip()}")
