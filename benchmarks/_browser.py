"""Shared by the explorer's benchmarks: the time from a key to the painted frame, and JupyterLab."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page

FRAME = 1000 / 60
# `window.measured` collects the milliseconds from each key to the first painted frame in which the value of `moved()`
# has changed; the promise of `window.painted()` is fulfilled when that frame of the last key has been painted.
WATCH = """(moved) => {
    window.measured = [];
    const channel = new MessageChannel();
    let began = null, before = null, tell = () => {};
    channel.port1.onmessage = () => {
        if (began !== null) window.measured.push(performance.now() - began);
        began = null;
        tell();
    };
    const frame = () => {
        if (began === null) return;
        if (moved() === before) requestAnimationFrame(frame);
        else channel.port2.postMessage(null);
    };
    addEventListener("keydown", (event) => {
        began = event.timeStamp;
        before = moved();
        requestAnimationFrame(frame);
    }, { capture: true });
    window.painted = () => new Promise((done, failed) => {
        if (began === null) done();
        tell = done;
        setTimeout(() => failed(new Error("nothing moved for 30 seconds after a key")), 30_000);
    });
}"""
USABLE = """(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { window.usable = performance.now(); };
    addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => channel.port2.postMessage(null)));
})()"""


def watch(page: Page, moved: str) -> None:
    """Measure keys from now on; `moved` is a JavaScript function whose value must change in the frame of each key."""
    page.evaluate(f"({WATCH})({moved})")


def press_keys(page: Page, n: int, chance: random.Random, keys: tuple[str, str] = ("ArrowRight", "ArrowLeft")) -> None:
    """Press keys on the focused element of a watched page, at random times within the frames."""
    for i in range(n):
        page.keyboard.press(keys[i // 10 % 2])
        page.evaluate("window.painted()")
        time.sleep((10 + chance.random() * 2 * FRAME) / 1000)


def measured(page: Page) -> np.ndarray:
    """Return the milliseconds from each key to the frame that shows it, ``(n,)``."""
    return np.array(page.evaluate("window.measured"))


def pressed(page: Page, n: int, moved: str, keys: tuple[str, str] = ("ArrowRight", "ArrowLeft")) -> np.ndarray:
    """Watch a page and press keys; return the milliseconds of each."""
    watch(page, moved)
    press_keys(page, n, random.Random(0), keys)
    return measured(page)


def wait_until(page: Page, condition: str) -> None:
    """Wait until a JavaScript expression is true. (The page's policy blocks Playwright's own way of waiting.)"""
    end = time.monotonic() + 30
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.005)


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Start JupyterLab on a folder; yield its address with the token and a placeholder for the path."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "run"), "JUPYTER_TOKEN": "benchmark"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", f"--notebook-dir={folder}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    server = subprocess.Popen(
        command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}/{{}}?token=benchmark"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(address.format("api/status"), timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@contextmanager
def in_jupyterlab(browser: Browser, folder: Path, source: str, shown: str) -> Iterator[Page]:
    """Run a cell in JupyterLab, and yield the page once it shows what this selector finds."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "cell.ipynb").write_text(json.dumps(notebook))
    with jupyterlab(folder) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.goto(address.format("lab/tree/cell.ipynb"))
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(shown).first.wait_for(timeout=120_000)
        page.wait_for_timeout(2000)
        yield page
        page.close()
