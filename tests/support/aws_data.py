"""What botocore and moto find in their folders, looked for once in a process: it takes longer than most tests."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import moto.backends
from botocore.loaders import Loader

_READ: dict[Any, dict[Any, Any]] = {}


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Let all of botocore's loaders of a kind share what they have read, and moto remember which services it has."""
    initialize = Loader.__init__

    def initialize_sharing(loader: Any, *args: Any, **named: Any) -> None:
        initialize(loader, *args, **named)
        kind = type(loader).__module__, type(loader).__qualname__, *loader.search_paths
        loader._cache = _READ.setdefault(kind, {})

    services = list(moto.backends.list_of_moto_modules())
    with (
        patch.object(Loader, "__init__", initialize_sharing),
        patch.object(moto.backends, "list_of_moto_modules", lambda: services),
    ):
        yield
