"""A Chromium, a Firefox, and JupyterLab as `rmlab lab` starts it, with settings of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer import Opened, opening
from in_lab import CLOSE_ALL, SECONDS, Address, end_kernels, nothing_thrown
from marionette import Firefox
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
TOKEN = "browser-tests"

# Every cell is drawn at once; Lab would draw only those in view. It saves nothing by itself: every save is refused
# (see `page`), and after two minutes, on a slow machine, Lab would say so in a dialogue that lies over the controls.
SETTINGS = {"notebook-extension/tracker": {"windowingMode": "none"}, "docmanager-extension/plugin": {"autosave": False}}
expect.set_options(timeout=30 * SECONDS)  # a busy machine is no failure
CONFIG = {"LabApp": {"expose_app_in_browser": True}}  # as `jupyterapp`


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium."""
    executable = program_of("Chromium", "chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start for root, nor its shared memory in a small container.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """The machine's own Firefox. (Playwright drives none that is older than its own.)"""
    with Firefox(program_of("Firefox", "firefox-esr", "firefox"), tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


def program_of(browser: str, *names: str) -> str:
    """Return the path of a browser; without it the test is left out, unless RMLAB_REQUIRE_BROWSER=1."""
    for executable in filter(None, map(shutil.which, names)):
        return executable
    missing = f"no {browser} on this machine (looked for {', '.join(names)})"
    if os.environ.get("RMLAB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{missing}, and RMLAB_REQUIRE_BROWSER=1")
    pytest.skip(missing)


@pytest.fixture(scope="session")
def lab_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of `lab` and its kernels write what they say."""
    return tmp_path_factory.mktemp("jupyter") / "log"


@pytest.fixture(scope="session")
def lab(browser: Browser, lab_log: Path) -> Iterator[Address]:
    """Run `rmlab lab --no-browser`; give what makes a path an address there. (No server where there is no browser.)"""
    folder, log = lab_log.parent, lab_log
    for name, values in SETTINGS.items():
        path = folder / "lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    (folder / "jupyter_lab_config.json").write_text(json.dumps(CONFIG))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "run"), "IPYTHONDIR": str(folder)}
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= own | {"JUPYTER_TOKEN": TOKEN}
    command = [sys.executable, "-m", "rmlab", "lab", "--no-browser", "--port", str(port)]
    with log.open("w") as stream:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )

    def address(path: str) -> str:
        return f"http://127.0.0.1:{port}/{path}?token={TOKEN}"

    try:
        _wait_until_up(address("api/status"), server, log)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # the command, the server that it started, and its kernels
        server.wait(timeout=30)


def _wait_until_up(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(120):
        if server.poll() is not None:
            pytest.fail(f"rmlab lab ended with status {server.returncode}:\n{log.read_text()}")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"rmlab lab did not answer within a minute:\n{log.read_text()}")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose notebooks cannot be saved, so that a test never changes a committed file."""
    context = unsaving(browser, 1280)
    yield context.new_page()
    context.close()


def unsaving(browser: Browser, width: int) -> BrowserContext:
    """What no page of can save a notebook."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    saves = "**/api/contents/**"
    context.route(saves, lambda route: route.abort() if route.request.method == "PUT" else route.fallback())
    return context


@pytest.fixture
def own_kernels(lab: Address) -> Iterator[None]:
    """None of a test's kernels is left: Lab would go on with it, and its cells would be counted on."""
    yield
    end_kernels(lab)


@pytest.fixture(scope="session")
def opened_lab(browser: Browser, lab: Address) -> Iterator[Page]:
    """JupyterLab in a window of 1400 x 900, its side bar closed, for the tests of one notebook after another."""
    context = unsaving(browser, 1400)
    page = context.new_page()
    page.goto(lab("lab/workspaces/tests"))
    page.wait_for_function("window.jupyterapp?.restored.then(() => true)", timeout=120 * SECONDS)
    page.evaluate("jupyterapp.shell.collapseLeft()")
    expect(page.locator("#jp-left-stack")).to_be_hidden()
    yield page
    context.close()


@pytest.fixture
def lab_page(opened_lab: Page, own_kernels: None) -> Iterator[Page]:
    """JupyterLab without a notebook, for one test."""
    opened_lab.evaluate(CLOSE_ALL)
    yield opened_lab
    opened_lab.evaluate(CLOSE_ALL)


@pytest.fixture
def watched_lab(lab_page: Page) -> Iterator[Page]:
    """The same; nothing that a script of it throws is overlooked, until the notebook is closed."""
    with nothing_thrown(lab_page):
        yield lab_page


@pytest.fixture
def opened(page: Page) -> Iterator[Opened]:
    """Open explorers as files in the page of a test; a file of tests that share one page has its own."""
    with opening(page) as opened:
        yield opened
