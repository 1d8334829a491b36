"""Secrets as they are stored from other systems."""

import json
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, token_record
from tests.support import leaks

MARK = "\ufeff"
MARKED = {
    "text with a mark": lambda text: {"SecretString": MARK + text},
    "text whose mark was read as code page 1252": lambda text: {"SecretString": "ï»¿" + text},
    "bytes with a mark": lambda text: {"SecretBinary": (MARK + text).encode()},
    "bytes in UTF-16": lambda text: {"SecretBinary": text.encode("utf-16")},
    "text with line breaks of Windows": lambda text: {"SecretString": text.replace(", ", ",\r\n") + "\r\n"},
}


@pytest.mark.parametrize("form", MARKED)
def test_secrets_written_by_windows_powershell_are_read(
    form: str, sqlite_db: Database, aws: AWS, new_container: Any
) -> None:
    """Out-File and Set-Content of Windows PowerShell begin a file with a byte order mark: the API answered 503."""
    key = leaks.new_key()
    for name, content in {
        aws.database_secret: sqlite_db.secret(),
        aws.tokens_secret: {"tokens": [token_record(key)]},
    }.items():
        aws.client.put_secret_value(SecretId=name, **MARKED[form](json.dumps(content)))
    assert new_container().get(key).status == 200
