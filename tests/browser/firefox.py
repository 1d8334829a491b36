"""Debian's Firefox by WebDriver BiDi, as far as the tests need it. https://w3c.github.io/webdriver-bidi/"""

import contextlib
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from dev.servers.processes import free_port
from dev.servers.programs import require, search_path

_SECONDS = 60
_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """A tab of a Firefox of its own. `complaints` are errors and warnings of the pages so far."""

    def __init__(self, connection: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._connection = connection
        self._numbers = itertools.count()
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded"])
        self._tab = self._send("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Open a page in a window of a size, without what an earlier one has stored."""
        self._send("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})
        self._send("browsingContext.navigate", context=self._tab, url="about:blank", wait="complete")
        self._send("storage.deleteCookies")
        self._send("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def run(self, expression: str, sandbox: str = "") -> Any:
        """Return what JavaScript gives, as JSON has it. In a sandbox, the page's policy does not count."""
        target = {"context": self._tab, **({"sandbox": sandbox} if sandbox else {})}
        code = f"(async () => JSON.stringify(await ({expression}) ?? null))()"
        found = self._send("script.evaluate", expression=code, target=target, awaitPromise=True)
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def until(self, expression: str) -> None:
        """Wait for JavaScript to give something true."""
        code = f"""(async () => {{
            const until = Date.now() + {_SECONDS}000;
            while (!({expression})) {{
              if (Date.now() > until) return false;
              await new Promise((resolve) => setTimeout(resolve, 50));
            }}
            return true;
        }})()"""
        assert self.run(code), f"{expression}: {self.run('document.body.innerText')}"

    def press(self, keys: str) -> None:
        """Press keys one after another, by the characters that WebDriver has for them."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keys", "actions": actions}
        self._send("input.performActions", context=self._tab, actions=[source])

    def found_by_role(self, role: str, name: str) -> int:
        """Return how many elements the accessibility tree has of a role and name."""
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        return len(self._send("browsingContext.locateNodes", context=self._tab, locator=locator)["nodes"])

    def _send(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=2 * _SECONDS))
            if message["type"] == "event":
                entry = message["params"]
                if entry["level"] in {"error", "warn"}:
                    self.complaints.append(f"{entry['text']} {entry.get('stackTrace')}")
            elif message["id"] == number:
                assert message["type"] == "success", message
                return message["result"]


@contextlib.contextmanager
def firefox(directory: Path, preferences: Mapping[str, int]) -> Iterator[Firefox]:
    """Run Firefox with preferences, and a profile in a directory."""
    require("firefox")
    program = shutil.which("firefox-esr", path=search_path())
    assert program
    lines = [f"user_pref({json.dumps(name)}, {value});\n" for name, value in preferences.items()]
    (directory / "user.js").write_text("".join(lines))
    port = str(free_port())
    command = [program, "--headless", "--no-remote", "--profile", str(directory), "--remote-debugging-port", port]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stderr
        printed = ""
        while not (listens := _LISTENS.search(printed)):
            line = process.stderr.readline()
            assert line, printed
            printed += line
        with connect(f"{listens[1]}/session", max_size=None, proxy=None) as connection:
            yield Firefox(connection)
    finally:
        process.terminate()
        process.wait()
        if process.stderr:
            process.stderr.close()
