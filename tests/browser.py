"""A headless Chromium, told what to do over its debugging pipe."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WAIT_SECONDS = 60
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
]


class Page:
    """A tab. It remembers what it requested and what went wrong in it."""

    def __init__(self, commands: int, events: int) -> None:
        self.commands = commands
        self.events = events
        self.rest = b""
        self.number = 0
        self.session: dict[str, str] = {}
        self.requested: list[str] = []
        self.errors: list[str] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self.tell("Target.attachToTarget", targetId=target, flatten=True)
        self.session = {"sessionId": attached["sessionId"]}
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command; what happens meanwhile is remembered."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params, **self.session}
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while (message := self.message()).get("id") != self.number:
            self.remember(message)
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def message(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            received = os.read(self.events, 1 << 20)
            assert received, "Chromium has ended"
            self.rest += received
        first, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def remember(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(json.dumps(params["entry"]))
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.errors.append(json.dumps(params["args"]))

    def show(self, url: str, width: int = 1280) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tell("Emulation.setDeviceMetricsOverride", **size)
        self.tell("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        about = {"awaitPromise": True, "returnByValue": True}
        told = self.tell("Runtime.evaluate", expression=script, **about)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """The value of an expression, as soon as it is true of the page."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, (script, self.errors)
            time.sleep(0.05)
        return value


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    its_commands, commands = os.pipe()
    events, its_events = os.pipe()
    # Chromium reads from descriptor 3 and writes to descriptor 4.
    script = f'exec "$@" 3<&{its_commands} 4>&{its_events}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", program, *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(its_commands, its_events),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_commands)
    os.close(its_events)
    try:
        yield Page(commands, events)
    finally:
        # With nobody left to tell it what to do it ends.
        os.close(commands)
        os.close(events)
        process.wait(WAIT_SECONDS)
