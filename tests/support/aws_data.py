"""botocore's data files, read once for all containers of a process: reading them is most of a cold start."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from botocore.loaders import Loader


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Let all loaders of a kind that look into the same folders share what they have read."""
    initialize, read = Loader.__init__, dict[Any, dict[Any, Any]]()

    def initialize_sharing(loader: Loader, *args: Any, **named: Any) -> None:
        initialize(loader, *args, **named)
        kind = type(loader).__module__, type(loader).__qualname__, *loader.search_paths
        loader._cache = read.setdefault(kind, {})

    with patch.object(Loader, "__init__", initialize_sharing):
        yield
