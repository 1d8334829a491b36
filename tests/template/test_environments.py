"""`make deploy`'s check of deploy.toml, which needs Python alone."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tzdata

from dev.build import values
from dev.build.environments import OPTIONS, checked, checked_values, parse_overrides
from openl2m_stats.environments import EnvironmentFileError
from tests.support.stack import ROOT, load
from tests.template.test_commands import ENVIRONMENT, SAM, sam
from tests.template.test_template import EVERYTHING, SETS

__all__ = ["sam"]

HOME = "[test.deploy.parameters]"
OVERRIDES = "[test.deploy.parameters.parameter_overrides]"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", f"deploy.toml has no table {HOME}. It has no environment yet."),
        (ENVIRONMENT.replace("[test.", "[tset."), f"deploy.toml has no table {HOME}. It has: tset."),
        ("[test", "deploy.toml cannot be read: Expected ']' at the end of a table declaration (at end of document)"),
        ("[test.global.parameters]\n", f"deploy.toml has no table {HOME}."),
        (f"{HOME}\nregion = 'us-east-1'\n", f"deploy.toml: {HOME} needs a stack_name."),
        (f"{HOME}\nstack_name = ''\n", f"deploy.toml: {HOME} needs a stack_name."),
        ("[test]\nstack_name = 'a'\n", f"deploy.toml: stack_name in [test] has no effect. Move it to {HOME}."),
        (
            "[test.deploy]\nstack_name = 'a'\n",
            f"deploy.toml: stack_name in [test.deploy] has no effect. Move it to {HOME}.",
        ),
        (
            f"[test.parameters]\nstack_name = 'a'\n{HOME}\n",
            "deploy.toml: parameters in [test] has no effect. Do you mean parameter_overrides?",
        ),
        (
            f"{HOME}\nstack_name = 'a'\n[test.delete.parameters]\n",
            f"deploy.toml: delete in [test] has no effect. Only {HOME} and what is below it are read.",
        ),
        (
            f"{HOME}\nstack_name = 'a'\nTimeZone = 'UTC'\n",
            f"deploy.toml: TimeZone in {HOME} is not an option of `sam deploy`. Move it to {OVERRIDES}.",
        ),
        (
            f"{HOME}\nstackname = 'a'\n",
            f"deploy.toml: stackname in {HOME} is not an option of `sam deploy`. Do you mean stack_name?",
        ),
        (
            ENVIRONMENT + "stack_name = 'a'\n",
            f"deploy.toml: stack_name in {OVERRIDES} is not a parameter of the template. Move it to {HOME}.",
        ),
        (
            f"{HOME}\nstack_name = 'a'\nparameter_overrides = 'TimeZon=UTC Dashboard=true'\n",
            f"deploy.toml: TimeZon in {OVERRIDES} is not a parameter of the template. Do you mean TimeZone?",
        ),
        (
            ENVIRONMENT + "Dashboard = true\n",
            f'deploy.toml: Dashboard in {OVERRIDES} needs quotes: Dashboard = "true".',
        ),
    ],
)
def test_wrong_environment(text: str, line: str, sam: SAM, monkeypatch: pytest.MonkeyPatch) -> None:
    sam.configure(text)
    monkeypatch.chdir(sam.directory)
    with pytest.raises(EnvironmentFileError) as problem:
        checked("test")
    assert str(problem.value) == line


def test_no_file(sam: SAM, monkeypatch: pytest.MonkeyPatch) -> None:
    sam.file.unlink()
    monkeypatch.chdir(sam.directory)
    with pytest.raises(EnvironmentFileError) as problem:
        checked("test")
    assert str(problem.value).startswith(f"deploy.toml is missing in {Path.cwd()}. Change to the folder that has it")


@pytest.mark.parametrize("action", ["check", "deploy", "guided", "delete", "logs"])
def test_wrong_environment_is_one_line_and_nothing_runs(action: str, sam: SAM) -> None:
    sam.configure(ENVIRONMENT + "TimeZon = 'UTC'\n")
    done = sam.run(action, given="openl2m-stats\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"deploy\.toml: TimeZon in .* Do you mean TimeZone\?\n", done.stderr)
    assert sam.calls == []


def overrides(**given: Any) -> dict[str, Any]:
    return {"DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:database-a1B2c3", **given}


GOOD = {
    "stack_name": "openl2m-stats",
    "region": "us-east-1",
    "resolve_s3": True,
    "capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
}


def problems(options: dict[str, Any] | None = None, **given: Any) -> list[str]:
    return list(values.problems({**GOOD, **(options or {})}, overrides(**given), HOME))


@pytest.mark.parametrize("name", SETS)
def test_good_values_are_accepted(name: str) -> None:
    """Among them those of every parameter."""
    given: dict[str, Any] = {
        key: str(value)
        .replace("123456789012", "111122223333")
        .replace("0123456789abcdef0", "0a1b2c3d4e5f60718")
        .replace("0123456789abcdef1", "0a1b2c3d4e5f60719")
        .replace("01234567-89ab-cdef-0123-456789abcdef", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
        .replace("0123456789ABCDEFGHIJ", "0A1B2C3D4E5F6G7H8I9J")
        .replace("example.com", "example-network.net")
        for key, value in SETS[name].items()
    }
    assert problems(**given) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"TimeZone": "America/Los_Angles"},
            f"TimeZone in {OVERRIDES} is not a time zone of the IANA database. Do you mean America/Los_Angeles?",
        ),
        ({"TimeZone": "Mars"}, f"TimeZone in {OVERRIDES} is not a time zone of the IANA database."),
        (
            {"DatabaseSecretArn": "openl2m-stats-database"},
            f"DatabaseSecretArn in {OVERRIDES} is refused. It takes a secret's whole ARN, with its last six",
        ),
        (
            {"DatabaseSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-a1B2c3"},
            f"DatabaseSecretArn in {OVERRIDES} is in eu-west-1, and the stack is in us-east-1.",
        ),
        ({"SnapshotMinutes": 7}, f"SnapshotMinutes in {OVERRIDES} is refused. It takes 5, 10, 15, 30, 60, 180, 360"),
        ({"LogLevel": "DEBUG"}, f"LogLevel in {OVERRIDES} is refused. It takes INFO, WARNING, ERROR."),
        ({"CacheTtlSeconds": -1}, f"CacheTtlSeconds in {OVERRIDES} is refused. It takes 0 to 86400."),
        ({"CacheTtlSeconds": "1 minute"}, f"CacheTtlSeconds in {OVERRIDES} is refused. It takes 0 to 86400."),
        (
            {"ClientIpAllowed": "10.0.0.0/99"},
            f"ClientIpAllowed in {OVERRIDES} is refused by the function. It takes networks separated by commas",
        ),
        (
            {"ClientIpDenied": ["10.0.0.0/8", "10.1.0.0/99"]},
            f"ClientIpDenied in {OVERRIDES} is refused by the function. It takes networks separated by commas",
        ),
        ({"ClientIpAllowed": "10.0.0.0/8," * 100}, f"ClientIpAllowed in {OVERRIDES} is too long: it takes 1024"),
        ({"DatabasePort": "70000"}, f"DatabasePort in {OVERRIDES} is refused by the function. It takes a port"),
        (
            {"VpcSubnetIds": ["subnet-0a1b2c3d4e5f60718"]},
            f"VpcSubnetIds needs VpcSecurityGroupIds. See {OVERRIDES}.",
        ),
        (
            {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:operations"},
            f"AlarmTopicArn in {OVERRIDES} is still the example's: put your own in place of 123456789012.",
        ),
        (
            {"NotifyTopicArn": "arn:aws:sns:us-west-2:111122223333:network"},
            f"NotifyTopicArn in {OVERRIDES} is in us-west-2, and the stack is in us-east-1.",
        ),
        (
            {"NotifyTopicArn": "arn:aws:sns:us-east-1:111122223333:network.fifo"},
            f"NotifyTopicArn in {OVERRIDES} is refused. It takes the ARN of a standard topic, or nothing.",
        ),
        (
            {
                "SnsEndpoint": "true",
                "VpcSubnetIds": ["subnet-0a1b2c3d4e5f60718"],
                "VpcSecurityGroupIds": ["sg-0a1b2c3d4e5f60718"],
                "VpcId": "vpc-0a1b2c3d4e5f60718",
            },
            "SnsEndpoint is for the notices. It needs NotifyTopicArn or NotifyEmail.",
        ),
        (
            dict.fromkeys(("AlarmTopicArn", "NotifyTopicArn"), "arn:aws:sns:us-east-1:111122223333:a")
            | {"NotifyEmail": "network@company.test"},
            "With AlarmTopicArn and NotifyTopicArn, nothing is left for NotifyEmail.",
        ),
    ],
)
def test_wrong_value(given: dict[str, Any], problem: str) -> None:
    [found] = problems(**given)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"region": "us-east1"}, "region takes the name of a region, such as us-east-1, in"),
        ({"region": "US-EAST-1"}, "region takes the name of a region"),
        ({"stack_name": "openl2m_stats"}, "stack_name takes letters, digits and hyphens, and begins with a letter, in"),
        ({"resolve_s3": False}, "resolve_s3 = true is missing in"),
        ({"capabilities": ["CAPABILITY_IAM"]}, 'capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"] is'),
        ({"capabilities": "CAPABILITY_AUTO_EXPAND"}, "capabilities = "),
    ],
)
def test_wrong_option(options: dict[str, Any], words: str) -> None:
    found = [each for each in problems(options) if "is in us-east-1, and the stack is in" not in each]
    assert found
    assert found[0].startswith(words)
    assert found[0].endswith(f"{HOME}.")


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-gov-west-1", "ap-southeast-2", "cn-northwest-1", "us-isob-east-1", "eusc-de-east-1"]
)
def test_regions(region: str) -> None:
    arn = f"arn:aws:secretsmanager:{region}:111122223333:secret:database-a1B2c3"
    assert problems({"region": region}, DatabaseSecretArn=arn) == []


def test_capabilities_and_bucket_may_have_other_forms() -> None:
    assert problems({"capabilities": "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"}) == []
    assert problems({"resolve_s3": False, "s3_bucket": "artifacts"}) == []
    assert problems({"region": None}) == []


def test_table_with_nothing_but_a_stack_name() -> None:
    found = list(values.problems({"stack_name": "openl2m-stats"}, {}, HOME))
    assert found == [
        f"resolve_s3 = true is missing in {HOME}.",
        f'capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"] is missing in {HOME}.',
        f"DatabaseSecretArn is missing in {OVERRIDES}.",
    ]


def uncommented() -> str:
    """Return the example as it is when every line that is commented out counts."""
    text = re.sub(r"^# (?=\w+ = |\[)", "", (ROOT / "deploy.example.toml").read_text(), flags=re.MULTILINE)
    assert text.count("\nVpcSubnetIds = ") == 1
    return text


def test_untouched_example_is_refused(sam: SAM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sam.directory)
    sam.configure((ROOT / "deploy.example.toml").read_text())
    with pytest.raises(EnvironmentFileError) as problem:
        checked_values("production")
    assert str(problem.value) == (
        "deploy.toml: DatabaseSecretArn in [production.deploy.parameters.parameter_overrides] is still the example's: "
        "put your own in place of 123456789012."
    )


def test_example_is_good_but_for_its_placeholders(sam: SAM, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of it, and each placeholder is reported."""
    monkeypatch.chdir(sam.directory)
    sam.configure(uncommented())
    assert checked("staging").stack_name == "openl2m-stats-staging"
    with pytest.raises(EnvironmentFileError) as problem:
        checked_values("production")
    lines = str(problem.value).splitlines()
    assert all("is still the example's: put your own in place of" in line for line in lines)
    reported = {line.split()[1] for line in lines}
    written = set(re.findall(r"^([A-Z]\w+) = ", uncommented(), re.MULTILINE))
    made_up = {"BasePath", "TimeZone", "SecretsManagerEndpoint", "ClientIpAllowed", "PageEnabled", "Dashboard"}
    assert written - reported == made_up | {"SnapshotMinutes", "CacheTtlSeconds"}
    text = uncommented()
    for placeholder in values._PLACEHOLDERS:
        other = "0a1b2c3d4e5f60718" if placeholder.startswith("0") else placeholder[::-1].lower()
        text = text.replace(placeholder, "network.net" if placeholder == "example.com" else other)
    text = text.replace("Z0a1b2c3d4e5f60718", "Z0A1B2C3D4E5F6G7H8I9J")
    sam.configure(text)
    assert checked_values("production").stack_name == "openl2m-stats"


def test_check_reports_every_problem_at_once(sam: SAM) -> None:
    sam.configure(ENVIRONMENT.replace("Europe/Berlin", "Europe/Berlim") + "SnapshotMinutes = 7\n")
    done = sam.run("check")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2
    assert "Do you mean Europe/Berlin?" in done.stderr


@pytest.mark.parametrize("action", ["delete", "logs"])
def test_stack_with_a_wrong_value_can_be_deleted_and_read(action: str, sam: SAM) -> None:
    sam.configure(ENVIRONMENT + "SnapshotMinutes = 7\n")
    assert sam.run(action, given="openl2m-stats\n").returncode == 0
    assert len(sam.calls) == 1


def test_check_needs_no_package(sam: SAM) -> None:
    program = (
        "import sys; from dev.build.deploy import main; code = main(['check', '--env', 'test']); "
        "print(sorted(name for name in sys.modules if name in {'boto3', 'click', 'yaml', 'tzdata', 'samcli'})); "
        "sys.exit(code)"
    )
    command = [sys.executable, "-S", "-c", program]  # without site-packages
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=sam.directory, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_options_are_those_of_sam() -> None:
    from samcli.commands.deploy.command import cli

    parameters: Any = cli.params
    assert {option.name for option in parameters if option.name} == OPTIONS


@pytest.mark.parametrize(
    "given",
    [
        {"TimeZone": "UTC", "VpcSubnetIds": "subnet-1,subnet-2"},
        'DatabaseSecretArn="arn:aws:secretsmanager:us-east-1:111122223333:secret:a=b-a1B2c3" TimeZone="UTC"',
        "TimeZone=UTC Dashboard=true",
        'ClientIpAllowed="10.0.0.0/8, 192.0.2.0/24" AlarmTopicArn="" TimeZone="UTC"',
        "ParameterKey=TimeZone,ParameterValue=UTC ParameterKey=Dashboard,ParameterValue=true",
        ["TimeZone=UTC", "Dashboard=true"],
        [{"TimeZone": "UTC"}, "Dashboard=true"],
        "",
    ],
)
def test_overrides_are_read_as_sam_reads_them(given: Any) -> None:
    from samcli.cli.types import CfnParameterOverridesType

    assert parse_overrides(given) == CfnParameterOverridesType().convert(given, None, None)


def test_constraints_are_the_templates() -> None:
    template = load()
    expected = {
        name: {key: value for key, value in entry.items() if key != "Description"}
        for name, entry in template["Parameters"].items()
    }
    assert expected == values.PARAMETERS
    assert values._CONSTRAINTS["rules"] == template["Rules"]
    zones = (Path(tzdata.__file__).parent / "zones").read_text().split()
    assert values._CONSTRAINTS["time_zones"].split() == zones


def test_every_rule_is_evaluated() -> None:
    """A function that values.py does not know raises."""
    texts = {name: str(entry.get("Default", "")) for name, entry in values.PARAMETERS.items()}
    assert list(values._broken_rules(texts)) == []
    assert list(values._broken_rules({**texts, **{name: str(value) for name, value in EVERYTHING.items()}})) == []
