"""Which encryptions are the same."""

import pytest

from openl2m_stats.history.encryption import Encryption

ARN = "arn:aws:kms:us-east-1:123456789012:key/"


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        (Encryption("aws:kms", f"{ARN}one"), True),
        (Encryption("aws:kms", "one"), True),
        (Encryption("aws:kms", f"{ARN}two"), False),
        (Encryption("aws:kms:dsse", f"{ARN}one"), False),
        (Encryption("AES256"), False),
    ],
)
def test_an_object_is_encrypted_like_the_bucket(default: Encryption, expected: bool) -> None:
    assert default.covers(Encryption("aws:kms", f"{ARN}one")) == expected


def test_a_name_is_the_keys_or_the_algorithms() -> None:
    assert [each.name for each in (Encryption("aws:kms", f"{ARN}one"), Encryption("AES256"))] == [f"{ARN}one", "AES256"]
