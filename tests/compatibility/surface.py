"""What semantic versioning covers, of a folder of the project: names, types, defaults and exit codes, as a flat table.

usage: python -m tests.compatibility.surface FOLDER FILE    write it to a file

It is read from the documents and the template, and by running the folder's own command, so that it is what is there and
not what some document says. A document is good enough where other tests compare it with the code.
"""

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dev import template
from openl2m_stats.local.aws import moto_server

ROOT = Path(__file__).parents[2]
Surface = dict[str, Any]
SEPARATOR = " | "
KEY = "0123456789abcdef0123456789abcdef01234567"
REGISTRY = {
    "tokens": [{"name": "grafana", "sha256": "deb87fabd17715bb31ad4cf4ffb9494eeb15f8d33d85b031a301c64ab3417eaa"}]
}
# Commands with what they read, and whose exit codes are kept; `SECRET` is a token secret of the command's own.
CASES: tuple[tuple[str, str], ...] = (
    ("--version", ""),
    ("--help", ""),
    ("", ""),
    ("nonsense", ""),
    ("--nonsense", ""),
    ("completion bash", ""),
    ("completion tcsh", ""),
    ("grants --engine postgresql", ""),
    ("grants", ""),
    ("invoke EVENTS/get_stats.json", ""),
    ("invoke EVENTS/nonsense.json", ""),
    ("snapshot", ""),
    ("snapshot --database-url nonsense://", ""),
    ("serve --port nonsense", ""),
    ("doctor", ""),
    ("doctor --env nonsense", ""),
    ("backfill --nonsense", ""),
    ("versions prune", ""),
    ("tokens", ""),
    ("tokens list", ""),
    ("tokens list --secret-id SECRET", ""),
    ("tokens list --secret-id SECRET --json", ""),
    ("tokens list --secret-id absent", ""),
    ("tokens create --secret-id SECRET", ""),
    ("tokens create prometheus --secret-id SECRET", ""),
    ("tokens create grafana --secret-id SECRET", ""),
    ("tokens create prometheus --expires nonsense --secret-id SECRET", ""),
    ("tokens rotate grafana --secret-id SECRET", ""),
    ("tokens rotate nobody --secret-id SECRET", ""),
    ("tokens revoke grafana --secret-id SECRET", ""),
    ("tokens revoke nobody --secret-id SECRET", ""),
    ("tokens prune --secret-id SECRET", ""),
    ("tokens check --secret-id SECRET", f"{KEY}\n"),
    ("tokens check --secret-id SECRET", f"{KEY[::-1]}\n"),
    ("tokens check --secret-id SECRET", ""),
)
_COMMANDS = """
import json, click
from openl2m_stats.cli import command

def found(one, path, context):
    if isinstance(one, click.Group):
        for name in one.list_commands(context):
            yield from found(one.get_command(context, name), [*path, name], context)
    yield " ".join(path), {
        each.opts[-1] if each.param_type_name == "option" else each.name.upper(): {
            "also": sorted({*each.opts[:-1], *each.secondary_opts}),
            "choices": sorted(map(str, getattr(each.type, "choices", []))),
            "flag": bool(getattr(each, "is_flag", False)),
            "required": bool(each.required),
            "values": -1 if getattr(each, "multiple", False) else each.nargs,
            "variable": each.envvar,
        }
        for each in one.params
    }

print(json.dumps(dict(found(command, [], click.Context(command)))))
"""


def surface(folder: Path, cases: Sequence[tuple[str, str]] = CASES) -> Surface:
    """Return the table: what is named, in words separated by `SEPARATOR`, and its value, or true for what just is."""
    with moto_server("127.0.0.1") as port, ThreadPoolExecutor(4) as pool:
        running = Running(folder, f"http://127.0.0.1:{port}")
        parts = [pool.submit(list, part(running)) for part in (_api, _template, _documents, _commands, _answers)]
        codes = [(case, pool.submit(running.code, number, *case)) for number, case in enumerate(cases)]
        found = {SEPARATOR.join(path): value for part in parts for path, value in part.result()}
        for (command, text), code in codes:
            reads = {"": "", f"{KEY}\n": " < its key"}.get(text, " < another key")
            found[SEPARATOR.join(("exit code", f"openl2m-stats {command}".strip() + reads))] = code.result()
    return dict(sorted(found.items()))


Entries = Iterator[tuple[tuple[str, ...], Any]]


class Running:
    """A folder's command, run without any AWS but that of this process."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        path = {"HOME": "/nonexistent", "PYTHONPATH": f"{folder / 'functions'}:{folder}"}
        self._environment = {**kept, **path, "AWS_EC2_METADATA_DISABLED": "true"}
        session: Any = boto3.Session("test", "test", region_name="us-east-1")
        self._client = session.client("secretsmanager", endpoint_url=endpoint)
        self._account = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def python(self, *arguments: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the folder."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self._environment, **variables},
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def code(self, number: int, command: str, text: str) -> int:
        """Return a command's exit code."""
        secret, account = f"tokens-{number}", {}
        if "--secret-id" in command:
            self._client.create_secret(Name=secret, SecretString=json.dumps(REGISTRY))
            account = self._account
        words = command.replace("SECRET", secret).replace("EVENTS", str(ROOT / "events")).split()
        return self.python("-m", "openl2m_stats", *words, text=text, **account).returncode

    def answer(self, event: str) -> str:
        """Return the body of the answer to one of this folder's events, over the demo database."""
        done = self.python("-m", "openl2m_stats", "invoke", str(ROOT / "events" / event))
        response = json.loads(done.stdout)
        assert response["statusCode"] == 200, response
        body: str = response["body"]
        return gzip.decompress(base64.b64decode(body)).decode() if response.get("isBase64Encoded") else body


def _api(running: Running) -> Entries:
    """What docs/openapi.yaml says; schemathesis holds the handler against it."""
    document = yaml.safe_load((running.folder / "docs/openapi.yaml").read_text())

    def resolved(value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            entry = document
            for name in value["$ref"].removeprefix("#/").split("/"):
                entry = entry[name]
            value = entry
        return value

    for path, methods in document["paths"].items():
        for method in sorted({"get", "head", "post", "options"} & set(methods)):
            call = ("API", f"{method.upper()} {path}")
            for parameter in map(resolved, methods[method].get("parameters", [])):
                named = (*call, f"{parameter['in']} {parameter['name']}")
                yield named, True
                yield (*named, "required"), parameter.get("required", False)
            for status, response in methods[method]["responses"].items():
                answer = resolved(response)
                yield (*call, status), True
                for header in answer.get("headers", {}):
                    yield (*call, status, header), True
                for media in answer.get("content", {}):
                    yield (*call, status, media), True


def _template(running: Running) -> Entries:
    found = template.load(running.folder / "infra/template.yaml")
    constraints = {"Type": "type", "Default": "default", "AllowedPattern": "pattern"}
    bounds = {"MinValue": "minimum", "MaxValue": "maximum", "MinLength": "minimum", "MaxLength": "maximum"}
    for name, parameter in found["Parameters"].items():
        named = ("parameter", name)
        yield (*named, "required"), "Default" not in parameter
        for key, word in {**constraints, **bounds}.items():
            if key in parameter:
                yield (*named, word), parameter[key]
        for value in parameter.get("AllowedValues", []):
            yield (*named, "value", str(value)), True
    for name in found["Outputs"]:
        yield ("output", name), True
    for name, resource in found["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            yield ("alarm", name), True
        if "Handler" in resource.get("Properties", {}):
            yield ("handler", name), resource["Properties"]["Handler"]


def _documents(running: Running) -> Entries:
    """What tables name that other tests compare with the code."""
    configuration = (running.folder / "docs/configuration.md").read_text()
    for name, default in re.findall(r"(?m)^\| `([A-Z_]+)` \| ([^|]+) \| [^|]+ \|.*$", configuration):
        yield ("setting", name), default.strip("` ")
    operate = (running.folder / "docs/operate.md").read_text()
    for kind, heading in (("log message", "Log messages"), ("CloudWatch metric", "CloudWatch metrics")):
        section = operate.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        for names in re.findall(r"(?m)^\| (`[^|]+) \|", section):
            for name in names.split("`")[1::2]:
                yield (kind, name), True


def _commands(running: Running) -> Entries:
    for command, parameters in json.loads(running.python("-c", _COMMANDS).stdout).items():
        named = ("command", f"openl2m-stats {command}".strip())
        yield named, True
        for parameter, is_ in parameters.items():
            for word in ("flag", "values", "required", "variable"):
                yield (*named, parameter, word), is_[word]
            for word in ("also", "choices"):
                for value in is_[word]:
                    yield (*named, parameter, word, value), True


def _answers(running: Running) -> Entries:
    document = json.loads(running.answer("get_stats.json"))
    for section, entries in document.items():
        for key, entry in entries.items():
            yield ("statistic", f"{section}.{key}"), entry["label"]
    for column in running.answer("get_history_csv.json").partition("\r\n")[0].split(","):
        yield ("column", column), True
    history = json.loads(running.answer("get_history.json"))
    for key, value in history.items():
        yield ("history", key), type(value).__name__ if value is not None else "str"
    for family in text_string_to_metric_families(running.answer("get_metrics.json").replace("# EOF\n", "")):
        yield ("metric", family.name), family.type
        for label in sorted({label for sample in family.samples for label in sample.labels}):
            yield ("metric", family.name, "label", label), True


def main(folder: Path, file: Path) -> None:
    """Write the table of a folder, with its version."""
    command = [sys.executable, "-c", "from stats import __version__; print(__version__)"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "functions")}
    version = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    content = {"version": version, "surface": surface(folder)}
    file.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
