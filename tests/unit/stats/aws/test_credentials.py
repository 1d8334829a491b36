"""Credentials that are looked for when a call needs them."""

from typing import Any

import botocore.session
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from stats.aws.credentials import LazyProvider


class Resolver:
    """Finds one thing after the other; an error is raised."""

    def __init__(self, *found: Any) -> None:
        self.found = list(found)

    def load_credentials(self) -> Any:
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def new_client(resolver: Resolver) -> Any:
    session = botocore.session.Session()
    session.register_component("credential_provider", LazyProvider(resolver))
    return session.create_client("rds", region_name="us-east-1")


def sign(client: Any) -> str:
    return str(client.generate_db_auth_token(DBHostname="db", Port=1, DBUsername="u"))


def test_a_client_is_made_without_credentials_and_finds_them_once() -> None:
    resolver = Resolver(Credentials("AKIDEXAMPLE", "secret"))
    client = new_client(resolver)
    assert resolver.found
    assert "AKIDEXAMPLE" in sign(client)
    assert "AKIDEXAMPLE" in sign(client)


def test_none_are_looked_for_again() -> None:
    client = new_client(Resolver(None, ValueError("the endpoint is away"), Credentials("AKIDEXAMPLE", "secret")))
    with pytest.raises(NoCredentialsError):
        sign(client)
    with pytest.raises(ValueError, match="the endpoint is away"):
        sign(client)
    assert "AKIDEXAMPLE" in sign(client)


def test_what_else_botocore_asks_for() -> None:
    credentials = LazyProvider(Resolver(Credentials("AKIDEXAMPLE", "secret", account_id="123456789012")))
    lazy = credentials.load_credentials()
    assert lazy.get_deferred_property("account_id")() == "123456789012"
    assert lazy.access_key == "AKIDEXAMPLE"
