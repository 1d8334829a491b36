"""AWS credentials that are looked up when a call needs them, not when a client is created.

Botocore reads them when it makes a client. Under SnapStart that is before Lambda stores the process, and the stored
memory would hold the credentials of the function's role.
"""

import threading
from collections.abc import Callable
from typing import Any


class LazyProvider:
    """Replaces the component `credential_provider` of a botocore session."""

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver

    def load_credentials(self) -> "LazyCredentials":
        """Return credentials that the resolver looks up at their first use."""
        return LazyCredentials(self._resolver.load_credentials)


class LazyCredentials:
    """Credentials with botocore's interface, which `load` looks up at their first use."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self.method = "lazy"
        self._load, self._loaded = load, None
        self._lock = threading.Lock()

    def get_frozen_credentials(self) -> Any:
        """Return the current credentials; None if there are none. Raise BotoCoreError."""
        credentials = self._credentials()
        return credentials and credentials.get_frozen_credentials()

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """Return a function that returns an attribute of the credentials, such as `account_id`."""
        return lambda: getattr(self._credentials(), property_name, None)

    def _credentials(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def __getattr__(self, name: str) -> Any:
        """Return any other attribute that botocore may read, such as `access_key`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._credentials(), name)
