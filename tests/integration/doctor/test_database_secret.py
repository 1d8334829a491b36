"""`openl2m-stats doctor`: what the database secret says."""

import json

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import Examine, check
from tests.support import leaks


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("{{{}", "the database secret is not JSON"),
        ('{{"engine": "postgres", "password": "{}"}}', "the database secret has no usable 'host'"),
        ('{{"username": "a", "password": "{}"}}', "DatabaseEngine and DatabaseHost"),
        ('{{"engine": "{}"}}', "'engine' of the database secret is none of mysql, "),
    ],
)
def test_a_malformed_database_secret(
    secret: str, words: str, sqlite_healthy: Database, aws: AWS, examine: Examine
) -> None:
    aws.put_database(secret.format(leaks.new_password()))
    check(examine(), "database secret", "FAIL", words, '{"engine", "host"')


def test_a_rotation_in_progress(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    assert "rotated" not in examine()["database secret"]["seen"]
    pending = json.dumps(server_healthy.secret(password=leaks.new_password()))
    aws.client.put_secret_value(SecretId=aws.database_secret, SecretString=pending, VersionStages=["AWSPENDING"])
    report = examine()
    assert report.wrong == {}
    assert report["database secret"]["seen"].endswith("; its password is being rotated (AWSPENDING)")
