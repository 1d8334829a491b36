"""The built artifact as Lambda runs it: by its runtime interface client, under SAM CLI's emulator of the rest."""

import json
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from dev.build.artifact import BUILD
from dev.servers.processes import free_port

_ROOT = Path(__file__).parents[2]
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
RUNTIME = _ROOT / ".venv-runtime/bin/python"
_EMULATOR = _ROOT / f".venv-sam/lib/python3.13/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}"
_START_SECONDS = 30


@dataclass(frozen=True)
class Package:
    """The function's files and the layer's, wherever they have been unpacked."""

    function: Path = BUILD / "StatsFunction"
    layer: Path = BUILD / "DependenciesLayer"

    def environment(self) -> dict[str, str]:
        """Return the variables that Lambda sets, and those of a test account; the rest is the function's."""
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": f"{self.function}:{self.layer}/python",  # and then the runtime's own packages
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_LAMBDA_FUNCTION_NAME": "stats",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "15",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "POWERTOOLS_SERVICE_NAME": "openl2m-stats",
            "DATABASE_CA_FILE": f"{self.layer}/python/rds-global-bundle.pem",
        }


class Sandbox:
    """One container: the emulator, and in it the runtime, which starts at the first invocation."""

    def __init__(self, package: Package, log: Path, handler: str, **variables: str) -> None:
        self._log = log
        self._port = free_port()
        command: list[str | Path] = [_EMULATOR]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        command += [RUNTIME, "-m", "awslambdaric", handler]
        environment = {**package.environment(), **variables}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=package.function, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def run(self, event: Any) -> Any:
        """Return the function's response, or the runtime's report of its error."""
        body = json.dumps(event).encode()
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                with urlopen(Request(url, body), timeout=_START_SECONDS) as answer:
                    return json.load(answer)
            except OSError as error:
                refused = isinstance(getattr(error, "reason", error), ConnectionError)
                if not refused or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    @property
    def log(self) -> str:
        """The output of the emulator and the function so far."""
        return self._log.read_text(errors="replace")

    def peak_memory_kib(self) -> int:
        """Return the peak memory of the runtime's process, which the emulator does not report."""
        emulator = self._process.pid
        [runtime] = [
            child
            for children in Path(f"/proc/{emulator}/task").glob("*/children")
            for child in children.read_text().split()
        ]
        [line] = [line for line in Path(f"/proc/{runtime}/status").read_text().splitlines() if "VmHWM" in line]
        return int(line.split()[1])

    def close(self) -> None:
        """End the container."""
        self._process.terminate()
        self._process.wait(10)
