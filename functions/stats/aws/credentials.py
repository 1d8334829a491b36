"""AWS credentials that are looked for when a call needs them, not when a client is made.

Botocore reads them when it makes a client. Under SnapStart that is before Lambda stores the process, and the stored
memory would hold the credentials of the function's role.
"""

import threading
from collections.abc import Callable
from typing import Any


class LazyProvider:
    """What a botocore session has as its component `credential_provider`, in the place of its own resolver."""

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver

    def load_credentials(self) -> "LazyCredentials":
        """Return credentials that the resolver looks for on their first use."""
        return LazyCredentials(self._resolver.load_credentials)


class LazyCredentials:
    """Credentials, in botocore's form, that `load` finds on their first use. None are None, as to botocore."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self.method = "lazy"
        self._load, self._loaded = load, None
        self._lock = threading.Lock()

    def get_frozen_credentials(self) -> Any:
        """Return the credentials of this moment; None when there are none. Raise BotoCoreError."""
        credentials = self._credentials()
        return credentials and credentials.get_frozen_credentials()

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """Return a function that returns a property of the credentials, such as `account_id`."""
        return lambda: getattr(self._credentials(), property_name, None)

    def _credentials(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def __getattr__(self, name: str) -> Any:
        """Return what else botocore may look at, such as `access_key`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._credentials(), name)
