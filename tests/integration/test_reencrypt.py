"""`openl2m-stats history reencrypt`: after a change of KmsKeyArn, no object needs the former key."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Command, Ended
from tests.integration.doctor.conftest import answer, api, function, outputs, publish, stack
from tests.support.s3 import S3, Call, Fault

__all__ = ["answer", "api", "function", "outputs", "stack"]  # fixtures

ARN = "arn:aws:kms:us-east-1:123456789012:key/"
FORMER, PRESENT, OLDEST = (f"{ARN}{digit}0000000-0000-0000-0000-000000000000" for digit in "123")
LATEST, MONTH, SINGLE = (f"snapshots/{key}" for key in ("latest.json", "history/2026-10.json", "dt=2026-10-01/x.json"))
NOTICES = "snapshots/notices.json"
OTHERS = "snapshots/notes.txt"

Reencrypt = Callable[..., Ended]


@pytest.fixture
def client(s3: S3) -> Any:
    return boto3.client("s3")


def encrypt_with(client: Any, s3: S3, key: str | None) -> None:
    """Change the bucket's default encryption, as a deployment with another KmsKeyArn does."""
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(key)}
    client.put_bucket_encryption(Bucket=s3.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def put(client: Any, s3: S3, **contents: str) -> None:
    for key, content in contents.items():
        client.put_object(Bucket=s3.bucket, Key=key, Body=content, ContentType="application/json")


def keys(client: Any, s3: S3) -> dict[str, str]:
    """Return the key of each object's encryption."""
    heads = {key: client.head_object(Bucket=s3.bucket, Key=key) for key in s3.objects}
    return {key: head.get("SSEKMSKeyId", head.get("ServerSideEncryption")) for key, head in heads.items()}


def writes(s3: S3) -> list[str]:
    return [call.key for call in s3.calls if call.method == "PUT" and call.key]


@pytest.fixture
def reencrypt(
    aws: AWS, sqlite_db: Database, s3: S3, stack: str, function: str, client: Any, command: Command
) -> Reencrypt:
    """Return a function that runs the command, after objects were written with one key and the key was changed."""
    publish(
        function, {name: os.environ[name] for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")}
    )
    encrypt_with(client, s3, FORMER)
    put(client, s3, **{LATEST: "newest", MONTH: "month", SINGLE: "single", OTHERS: "others'"})
    encrypt_with(client, s3, PRESENT)
    s3.calls.clear()

    def run(*arguments: str) -> Ended:
        s3.calls.clear()
        return command("history", "reencrypt", "--stack", stack, *arguments)

    return run


def test_objects_of_a_former_key_are_written_anew_as_they_are(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    before = s3.objects
    ended = reencrypt()
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[:3] == [
        f"s3://{s3.bucket}/snapshots/ is encrypted with {PRESENT}.",
        "0 objects are up to date.",
        f"3 objects were re-encrypted, from {FORMER}.",
    ]
    assert keys(client, s3) == {LATEST: PRESENT, MONTH: PRESENT, SINGLE: PRESENT, OTHERS: FORMER}
    assert s3.objects == before
    assert client.head_object(Bucket=s3.bucket, Key=MONTH)["ContentType"] == "application/json"


def test_what_is_up_to_date_is_left_alone(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    reencrypt()
    ended = reencrypt()
    assert (ended.code, writes(s3)) == (0, [])
    assert "3 objects are up to date." in ended.out
    assert "need no former key" in ended.out


def test_dry_run_writes_nothing(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    put(client, s3, **{MONTH: "month"})
    ended = reencrypt("--dry-run")
    assert (ended.code, writes(s3)) == (0, [])
    assert f"2 objects would be re-encrypted, from {FORMER}." in ended.out
    assert "need no former key" not in ended.out
    assert keys(client, s3)[LATEST] == FORMER


def test_json(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    expected = {"bucket": s3.bucket, "encryption": PRESENT, "former": {FORMER: 3}, "failed": []}
    dry = json.loads(reencrypt("--json", "--dry-run").out)
    assert dry == {**expected, "dry_run": True, "current": 0, "reencrypted": 0}
    assert json.loads(reencrypt("--json").out) == {**expected, "dry_run": False, "current": 0, "reencrypted": 3}


def test_several_former_keys_and_s3s_own(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    encrypt_with(client, s3, OLDEST)
    put(client, s3, **{MONTH: "month"})
    encrypt_with(client, s3, None)
    put(client, s3, **{SINGLE: "single"})
    encrypt_with(client, s3, PRESENT)
    assert json.loads(reencrypt("--json").out)["former"] == {FORMER: 1, OLDEST: 1, "AES256": 1}
    assert set(keys(client, s3).values()) == {PRESENT, FORMER}


def test_a_key_that_was_removed(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    """Without KmsKeyArn, the bucket is encrypted with S3's own key."""
    encrypt_with(client, s3, None)
    assert json.loads(reencrypt("--json").out)["former"] == {FORMER: 3}
    assert keys(client, s3)[LATEST] == "AES256"


def test_a_bucket_that_names_its_key_by_its_id(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    reencrypt()
    encrypt_with(client, s3, PRESENT.removeprefix(ARN))
    assert json.loads(reencrypt("--json").out)["current"] == 3


@pytest.mark.parametrize("key", ["alias/openl2m", "arn:aws:kms:us-east-1:123456789012:alias/openl2m"])
def test_a_bucket_that_names_an_alias_is_refused(key: str, reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    encrypt_with(client, s3, key)
    ended = reencrypt()
    assert (ended.code, writes(s3)) == (2, [])
    assert f"names the alias {key}: set it to the ARN of a key" in ended.err


def test_a_write_in_between_is_not_lost(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    written: list[str] = []

    def write_before(call: Call, _: int) -> Fault | None:
        if call.method == "PUT" and call.key in {LATEST, MONTH} and call.key not in written:
            written.append(call.key)
            s3._backend.put_object(s3.bucket, call.key, b"newer")
        return None

    s3.fault = write_before
    ended = reencrypt()
    s3.recover()
    assert ended.code == 0
    assert sorted(written) == [MONTH, LATEST]
    assert s3.objects[LATEST] == s3.objects[MONTH] == b"newer"
    assert keys(client, s3) == {LATEST: PRESENT, MONTH: PRESENT, SINGLE: PRESENT, OTHERS: FORMER}


def test_an_object_that_expires_in_between_stays_away(reencrypt: Reencrypt, s3: S3) -> None:
    def delete_before(call: Call, _: int) -> Fault | None:
        if call.method == "PUT" and call.key == SINGLE:
            s3._backend.delete_object(s3.bucket, SINGLE)
        return None

    s3.fault = delete_before
    ended = reencrypt()
    s3.recover()
    assert (ended.code, ended.err) == (0, "")
    assert SINGLE not in s3.objects


def test_an_answer_that_is_lost_is_no_failure(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    """S3 has written the object, and the SDK's next attempt meets what it wrote."""
    s3.fault = lambda call, attempt: "broken" if call == Call("PUT", MONTH) and attempt == 1 else None
    ended = reencrypt()
    s3.recover()
    assert (ended.code, ended.err) == (0, "")
    assert keys(client, s3)[MONTH] == PRESENT


def test_what_fails_is_named_and_the_next_run_does_the_rest(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    s3.fault = lambda call, _: 403 if call in {Call("GET", MONTH), Call("HEAD", SINGLE)} else None
    ended = reencrypt()
    s3.recover()
    assert ended.code == 1
    assert f"{MONTH} could not be re-encrypted: AccessDenied\n" in ended.err
    assert "2 objects could not be re-encrypted. Remove the cause and run it again." in ended.err
    assert keys(client, s3)[LATEST] == PRESENT
    ended = reencrypt("--json")
    assert ended.code == 0
    assert json.loads(ended.out)["current"] == 1
    assert sorted(writes(s3)) == [SINGLE, MONTH]


def test_an_object_that_others_write_all_the_time(reencrypt: Reencrypt, s3: S3) -> None:
    s3.fault = lambda call, _: 412 if call == Call("PUT", LATEST) else None
    ended = reencrypt("--json")
    s3.recover()
    assert ended.code == 1
    assert json.loads(ended.out)["failed"] == [{"key": LATEST, "error": "others keep writing it"}]


def test_a_bucket_whose_encryption_may_not_be_read(reencrypt: Reencrypt, s3: S3) -> None:
    s3.fault = lambda call, _: 403 if not call.key else None
    ended = reencrypt()
    s3.recover()
    assert ended.code == 2
    assert ended.err.startswith(f"The bucket {s3.bucket} cannot be read. An error occurred (AccessDenied)")


def test_a_stack_has_to_be_named(command: Command) -> None:
    ended = command("history", "reencrypt")
    assert ended.code == 2
    assert "Name the stack" in ended.err


def test_the_record_of_notices_is_written_anew(reencrypt: Reencrypt, client: Any, s3: S3) -> None:
    """Without the former key, no run could read what was sent, and none would send anything."""
    encrypt_with(client, s3, FORMER)
    put(client, s3, **{NOTICES: "notices"})
    encrypt_with(client, s3, PRESENT)
    assert f"4 objects were re-encrypted, from {FORMER}." in reencrypt().out
    assert keys(client, s3)[NOTICES] == PRESENT
