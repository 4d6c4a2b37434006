"""The machine's own Firefox, driven by Marionette, which is part of it: JSON over a socket, after its length."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

# Marionette takes a port that is free. Whatever is asked of a network goes to a proxy that is not there.
SETTINGS = {"marionette.port": 0, "network.proxy.type": 1, "datareporting.policy.dataSubmissionEnabled": False}
SETTINGS |= {f"network.proxy.{kind}": "127.0.0.1" for kind in ("http", "ssl", "socks")}
SETTINGS |= {f"network.proxy.{kind}_port": 9 for kind in ("http", "ssl", "socks")}
PATIENCE = 180  # seconds that a loaded machine may take


class Firefox:
    """A window of Firefox without a screen, with a profile of its own; to be used in a `with` statement."""

    def __init__(self, executable: str, profile: Path):
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in SETTINGS.items()]
        (profile / "user.js").write_text("".join(lines), encoding="utf-8")
        command = [executable, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        quiet: dict[str, Any] = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
        self.process = subprocess.Popen(command, env=os.environ | {"HOME": str(profile)}, **quiet)
        port = profile / "MarionetteActivePort"
        self.wait(lambda: port.is_file() and port.read_text())
        self.socket = socket.create_connection(("127.0.0.1", int(port.read_text())), timeout=PATIENCE)
        self.messages = self.socket.makefile("rb")
        self._read()  # it says which protocol it speaks
        self.ask("WebDriver:NewSession")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.messages.close()
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)

    def ask(self, command: str, **parameters: Any) -> Any:
        """Return what a command of WebDriver gives."""
        message = json.dumps([0, 1, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        assert error is None, f"{command} {parameters}: {error}"
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            byte = self.messages.read(1)
            assert byte, "Firefox has ended"
            length += byte
        return json.loads(self.messages.read(int(length[:-1])))

    def run(self, script: str) -> Any:
        """Return what a script of the page returns."""
        return self.ask("WebDriver:ExecuteScript", script=script, args=[])

    def find(self, xpath: str) -> str:
        """Return the first element of an XPath, as commands name it."""
        (name,) = self.ask("WebDriver:FindElement", using="xpath", value=xpath).values()
        return name

    def wait(self, condition: Any) -> None:
        """Wait until a function is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "Firefox did not come to it in time"
            time.sleep(0.1)
