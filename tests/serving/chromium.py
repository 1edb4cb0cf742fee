"""A real browser, driven over its DevTools protocol: as much of it as the page's tests need."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

from websockets.sync.client import ClientConnection, connect

PLACES: Final = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
PATIENCE_S: Final = 60.0
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--remote-debugging-port=0",
    "--window-size=1200,1400",
)


def installed() -> str | None:
    """The browser's program, where there is one."""
    return next((found for place in PLACES if (found := shutil.which(place))), None)


@final
class Tab:
    """One tab: what is done in it, and what it did."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.requested: list[str] = []
        """Every address it asked for, WebSockets too."""
        self.complaints: list[str] = []
        """Errors of scripts, and of the content policy."""
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(PATIENCE_S))
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.run(f"!!({condition})"):
            if time.monotonic() > end:
                text = self.run("document.body?.innerText")
                raise AssertionError(f"never: {condition}\n{self.complaints}\n{text}")
            time.sleep(0.1)

    def open(self, url: str) -> None:
        """Go there anew, and wait until its scripts ran."""
        self.run("window.isLeft = true")
        self.call("Page.navigate", url=url)
        self.wait_for("!window.isLeft && document.readyState === 'complete'")

    def click(self, selector: str) -> None:
        """Click an element."""
        self.run(f"document.querySelector({selector!r}).click()")

    def text(self, selector: str) -> str:
        """What an element says."""
        found: str = self.run(f"document.querySelector({selector!r}).textContent")
        return found

    def key(self, name: str, *, code: int, text: str = "") -> None:
        """Press a key and let it go."""
        key = {"key": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **key)
        self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def choose(self, selector: str, files: Sequence[Path]) -> None:
        """Choose files for an input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def drop(self, selector: str, file: Path) -> None:
        """Drag a file from the desktop over an element and let it fall."""
        script = "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        box = f"document.querySelector({selector!r})"
        self.run(f"{box}.scrollIntoView({{block: 'center'}})")
        x, y = self.run(f"{script}({box}.getBoundingClientRect())")
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def resize(self, width: int, height: int) -> None:
        """As on another screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=2, mobile=False,
        )  # fmt: skip

    def prefer(self, **features: str) -> None:
        """As somebody who prefers, say, color_scheme="dark"."""
        named = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", features=named)

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b64decode(data))

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message["method"] == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif message["method"] == "Network.webSocketCreated":
            self.requested.append(params["url"])
        elif message["method"] == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(str(details.get("exception", {}).get("description", details)))
        elif message["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")


@contextmanager
def browser(folder: Path, *, microphone: Path) -> Iterator[Tab]:
    """A fresh browser whose microphone plays a WAV file, again and again; `folder` is its profile."""
    program = installed()
    assert program is not None
    command = [program, *FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_tab_of(folder, process), max_size=None, compression=None) as socket:
            yield Tab(socket)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _tab_of(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """The address of the first tab, as soon as the browser says where it listens."""
    end = time.monotonic() + PATIENCE_S
    port_file = folder / "DevToolsActivePort"
    while time.monotonic() < end and process.poll() is None:
        if port_file.exists() and (lines := port_file.read_text().splitlines()):
            with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list") as reply:
                tabs = [tab for tab in json.load(reply) if tab["type"] == "page"]
            if tabs:
                address: str = tabs[0]["webSocketDebuggerUrl"]
                return address
        time.sleep(0.1)
    raise AssertionError(f"the browser did not start (it left with {process.poll()})")
