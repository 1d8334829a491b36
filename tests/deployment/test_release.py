"""The release as a stranger installs it: no make, no git, no CPython 3.13 on PATH, nothing to build."""

import filecmp
import json
from pathlib import Path

import pytest

from tests.deployment.aws import Aws, Identity, deploy_policies
from tests.deployment.operator_folder import ENVIRONMENT, STACK, Folder, key_of
from tests.deployment.stack import Stack, until

SAM = ("sam", "deploy", "--config-file", "deploy.toml", "--config-env", ENVIRONMENT, "--s3-prefix", STACK)
BUCKET = "uploads.example.com"
UPLOADS = ("--s3-bucket", BUCKET, "--s3-prefix", STACK)


def differences(compared: "filecmp.dircmp[str]") -> list[str]:
    found = [*compared.left_only, *compared.right_only, *compared.diff_files, *compared.funny_files]
    return found + [name for each in compared.subdirs.values() for name in differences(each)]


@pytest.fixture(scope="module")
def key(downloaded: Folder, deployer: Identity, operator: Identity, stack: Stack) -> str:
    """A token of a stack that SAM CLI has deployed from the archive."""
    downloaded.run(deployer, *SAM)
    created = downloaded.run(operator, "openl2m-stats", "tokens", "create", "grafana", "--env", ENVIRONMENT)
    return key_of(created.stdout)


def test_sam_deploys_the_archive(downloaded: Folder, operator: Identity, stack: Stack, key: str) -> None:
    until(lambda: stack.get(key).ok)
    stack.run_schedule()
    history = stack.get(key, "api/stats/history/").json()
    assert history["database"]["switches"]["values"][-1] == 1246
    listed = downloaded.run(operator, "openl2m-stats", "tokens", "list", "--env", ENVIRONMENT).stdout
    assert "grafana" in listed


def test_verify_proves_it(downloaded: Folder, operator: Identity, key: str) -> None:
    command = ("openl2m-stats", "verify", "--json", "--env", ENVIRONMENT)
    findings = json.loads(downloaded.run(operator, *command, OPENL2M_STATS_KEY=key).stdout)["findings"]
    assert [each for each in findings if each["state"] != "ok"] == []


def test_the_archive_has_what_sam_builds(now: Folder, downloaded: Folder, deployer: Identity) -> None:
    """test_life has built in the folder; alone, this one does."""
    built = now.path / ".aws-sam/build"
    if not built.is_dir():
        now.run(deployer, "make", "build")
    for name, part in (
        ("StatsFunction", "functions"),
        ("SnapshotFunction", "functions"),
        ("DependenciesLayer", "layer"),
    ):
        assert differences(filecmp.dircmp(built / name, downloaded.path / part, ignore=[], hide=[])) == []


def test_a_second_deployment_changes_nothing(downloaded: Folder, deployer: Identity, stack: Stack, key: str) -> None:
    done = downloaded.run(deployer, *SAM, "--no-fail-on-empty-changeset")
    assert "No changes to deploy" in done.stdout + done.stderr
    assert stack.live() == "1"


def test_the_aws_cli_deploys_the_archive(aws: Aws, downloaded: Folder, stack: Stack, key: str) -> None:
    """Over the same stack, with another parameter, by someone whose policy names a bucket of their own for uploads."""
    policies = [text.replace("aws-sam-cli-managed-default-*", BUCKET) for text in deploy_policies()]
    who = aws.user("deployer-without-sam", *policies)
    aws.root.client("s3").create_bucket(Bucket=BUCKET)
    cloudformation = ("aws", "cloudformation")
    packaged = ("--template-file", "template.yaml", "--output-template-file", "packaged.yaml")
    downloaded.run(who, *cloudformation, "package", *packaged, *UPLOADS)
    capabilities = ("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
    overrides = ("--parameter-overrides", "CacheTtlSeconds=30")
    named = ("--template-file", "packaged.yaml", "--stack-name", STACK)
    downloaded.run(who, *cloudformation, "deploy", *named, *UPLOADS, *capabilities, *overrides)
    assert (stack.live(), stack.get(key).headers["Cache-Control"]) == ("2", "private, max-age=30")


def test_it_is_deleted_without_make(downloaded: Folder, deployer: Identity, stack: Stack, key: str) -> None:
    kept = stack.kept()
    downloaded.run(deployer, "aws", "cloudformation", "delete-stack", "--stack-name", STACK)
    downloaded.run(deployer, "aws", "cloudformation", "wait", "stack-delete-complete", "--stack-name", STACK)
    assert stack.kept() == kept
    assert not stack.other_resources()


def test_nothing_that_builds_was_at_hand(programs: Path) -> None:
    assert {path.name for path in programs.iterdir()} == {"sam", "aws", "openl2m-stats"}
