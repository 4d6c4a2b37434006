"""The single file as text, and what the explorer needs to be imported."""

from __future__ import annotations

import json
import subprocess
import sys

from rmlab.explorer import ExplorerState
from rmlab.explorer.page import render_page


def test_data_cannot_leave_their_block():
    hostile = "</script><!--<script>alert(1)</script>\u2028"
    page = render_page(ExplorerState(prompt=hostile), ("curve",), {"pairs": [hostile]}, title=hostile)
    block = page.split('id="rmlab-state">')[1].split("</script>")[0]
    assert "<" not in block
    values = json.loads(block)
    assert values["prompt"] == hostile
    assert values["data"]["pairs"] == [hostile]
    assert page.count("<script") == 2


def run_python(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)


def test_the_preference_curve_does_not_wait_for_torch():
    run = run_python("import rmlab.explorer as e, sys; e.preference_curve(); print('torch' in sys.modules, e.probe)")
    assert run.stdout.startswith("False <function probe"), run.stderr


def test_a_missing_extra_is_one_clear_error():
    run = run_python("import sys; sys.modules['anywidget'] = None; import rmlab.explorer")
    assert "rmlab.explorer needs anywidget, which comes with the lab extra" in run.stderr
    run = run_python(
        "import sys; sys.modules['anywidget'] = None; from rmlab.__main__ import main; sys.exit(main(['explore']))"
    )
    assert run.returncode == 2
    assert run.stderr.startswith("rmlab: rmlab.explorer needs anywidget")
