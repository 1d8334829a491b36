"""What the commands of `openl2m-stats tokens` share: no key is repeated, and errors are one line."""

from collections.abc import Callable

import pytest

from tests.integration.conftest import AWS, Travel, token_record
from tests.support import leaks
from tests.support.cloudformation import CloudFormation
from tests.support.tokens_command import Run, run, text

__all__ = ["run"]  # a fixture


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "Missing command"),
        (("create",), "NAME"),
        (("create", "grafana", "--expires", "2026-11-23"), "that is in the past"),
        (("create", "grafana", "--expires", "0d"), "such as 24h or 90d"),
        (("create", "grafana", "--expires", "tomorrow"), "never"),
        (("create", "grafana", "--allowed-ips", ""), "networks separated by commas"),
        (("create", "grafana", "--allowed-ips", "10.0.0.0/8", "192.168.0.0/16"), "a NAME is a network: separate"),
        (("create", "grafana", "--allowed-ips", "10.0.0.1,", "2001:db8::1"), "networks separated by commas"),
        (("create", "grafana", "--allowed-ips", "10.0.0.0/8,nonsense"), "networks separated by commas"),
        (("create", " grafana"), "printable"),
        (("create", "graf\tana"), "printable"),
        (("create", ""), "printable"),
        (("create", "grafana", "grafana"), "twice"),
        (("create", "used"), "A token 'used' exists: take another name, or rotate it"),
        (("create", "new", "used"), "A token 'used' exists"),
        (("revoke", "grafana"), "There is no token 'grafana'"),
        (("revoke", "used", "grafana"), "There is no token 'grafana'"),
        (("rotate", "grafana"), "There is no active token 'grafana'"),
        (("rotate", "used", "--keep-old", "1w"), "such as 24h or 90d"),
        (("check", "--from", "here"), "an IP address"),
        (("import",), "--database-secret-id"),
        (("import", "--database-secret-id", "elsewhere"), "elsewhere: ResourceNotFoundException"),
        (("list", "--secret-id", ""), "TOKENS_SECRET_ID"),
        (("list", "--secret-id", "elsewhere"), "elsewhere: An error occurred (ResourceNotFoundException)"),
    ],
    ids=str,
)
def test_what_cannot_be_done(arguments: tuple[str, ...], problem: str, aws: AWS, travel: Travel, run: Run) -> None:
    aws.put_tokens(token_record(leaks.new_key(), name="used"))
    before = text(aws)
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err.splitlines()[-1]
    assert text(aws) == before


@pytest.mark.parametrize(
    "arguments",
    [
        *(["{}"], ["--key", "{}"], ["--key={}"], ["--{}"], ["-k{}"], ["Token", "{}"], ["Token {}"], ["list,{}"]),
        *(["check", "{}"], ["check", "--from", "{}"], ["create", "{}"], ["create", "Token {}"], ["create", "--{}"]),
        *(["create", "x", "--description", "{}"], ["create", "x", "--expires", "{}"], ["create", "x", "--x={}"]),
        *(
            ["revoke", "{}"],
            ["revoke", "Token {}"],
            ["rotate", "{}"],
            ["rotate", "x", "--keep-old={}"],
            ["prune", "{}"],
        ),
        *(["list", "{}"], ["list", "--json={}"], ["list", "--secret-id", "{}"], ["import", "--dry-run={}"]),
        ["import", "--database-secret-id", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("form", [str, str.upper], ids=["lower", "upper"])
def test_a_key_as_an_argument_is_not_repeated(
    form: Callable[[str], str], arguments: list[str], aws: AWS, run: Run
) -> None:
    key = leaks.remember(form(aws.new_token()))
    before = text(aws)
    result = run(*(argument.format(key) for argument in arguments))
    assert (result.code, result.out, text(aws)) == (2, "", before)
    assert "rotate it" in result.err.splitlines()[-1]
    assert not leaks.found_in(result.err)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["{}"], "no such command"),
        (["list", "--json={}"], "--json"),
        (["list", "--key={}"], "--key"),
        (["list", "-k{}"], "no such option"),
        (["list", "--{}"], "no such option"),
        (["list", "{}"], "too many arguments"),
        (["check", "--from", "{}"], "--from"),
    ],
    ids=str,
)
def test_what_is_nearly_a_key_is_not_repeated(arguments: list[str], problem: str, run: Run) -> None:
    nearly = leaks.remember(leaks.new_key()[:39])
    result = run(*(argument.format(nearly) for argument in arguments))
    assert (result.code, result.out) == (2, "")
    assert problem in result.err.splitlines()[-1]
    assert not leaks.found_in(result.err)


def test_the_token_secret_is_that_of_the_stack(aws: AWS, cloudformation: CloudFormation, run: Run) -> None:
    aws.put_tokens(token_record(leaks.new_key(), name="mine"))
    cloudformation.outputs = {"TokenSecretName": aws.tokens_secret}
    assert '"mine"' in run("list", "--json", "--stack", "openl2m-stats").out
    # What the command line names, wins.
    cloudformation.outputs = {"TokenSecretName": "elsewhere"}
    assert run("list", "--json", "--stack", "openl2m-stats", "--secret-id", aws.tokens_secret).code == 0


@pytest.mark.parametrize(
    ("stack", "problem"),
    [
        ("openl2m-stats", "The stack openl2m-stats has no output TokenSecretName: it is not a stack of openl2m-stats."),
        ("other", "The stack other cannot be read. An error occurred (ValidationError)"),
    ],
)
def test_what_is_not_our_stack(stack: str, problem: str, cloudformation: CloudFormation, run: Run) -> None:
    result = run("list", "--stack", stack)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(problem)
    assert result.err.count("\n") == 1


def test_ctrl_c(aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    # Between two tries of a change.
    monkeypatch.setattr("time.sleep", interrupt)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    result = run("list")
    assert (result.code, result.err) == (130, "Interrupted. `openl2m-stats tokens list` shows what was done.\n")
