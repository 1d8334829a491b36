"""AWS: credentials and region, and the meaning of its error codes."""

import boto3
from botocore.exceptions import BotoCoreError

from openl2m_stats.doctor.findings import Finding, Known
from stats.aws.secrets import SecretStore

SECONDS = 10  # for one call
_LOGIN = "`aws sts get-caller-identity` shows who you are: log in again, or set AWS_PROFILE."
_ADVICE = {
    "ResourceNotFoundException": "It does not exist in {region}: look at {variable} and AWS_REGION.",
    "AccessDeniedException": "Your credentials need secretsmanager:GetSecretValue for it, and kms:Decrypt where it has "
    "a KMS key of its own.",
    "DecryptionFailure": "Its KMS key is disabled, or does not let you decrypt.",
    "InvalidRequestException": "It is marked for deletion: `aws secretsmanager restore-secret` brings it back.",
    "ExpiredTokenException": _LOGIN,
    "UnrecognizedClientException": _LOGIN,
    "InvalidSignatureException": f"The secret access key is wrong, or this machine's clock is. {_LOGIN}",
    "no value": "Its value is neither text nor bytes: store it again. Or a proxy, or the login page of this network, "
    "answers instead of AWS.",
}
_OTHERWISE = "AWS's error codes are in its documentation; is {region} within reach of this machine?"


def check_aws(known: Known) -> Finding:
    """Check for credentials and a region."""
    try:
        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials is None:
            return Finding("FAIL", "no credentials", _LOGIN)
        known.store = SecretStore()
    except BotoCoreError as error:  # no region, no such profile
        return Finding("FAIL", f"{error}".rstrip("."), "Set AWS_REGION, or AWS_PROFILE to one that names it.")
    except ValueError as error:
        return Finding("FAIL", str(error), "Look at AWS_ENDPOINT_URL.")
    return Finding("ok", f"region {session.region_name}, credentials from {credentials.method}")


def secret_advice(code: str, variable: str) -> str:
    """Return the remedy when a variable's secret cannot be read, by AWS's error code or class."""
    region = boto3.Session().region_name
    return _ADVICE.get(code, _OTHERWISE).format(region=region, variable=variable)
