"""Joining modules, and the single file as text."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from rmlab.explorer import ExplorerState
from rmlab.explorer.bundle import join_modules, page_script, widget_module
from rmlab.explorer.page import render_page


def test_modules_are_joined_each_after_what_it_needs():
    sources = {
        "main.js": 'import { two as deux } from "./deep/two.js";\nexport function go() { return deux + 1; }\n',
        "deep/two.js": 'import { one } from "../one.js";\nexport const two = one + 1;\nconst own = 0;\n',
        "one.js": "export const one = 1;\n",
    }
    joined = join_modules("main.js", sources.__getitem__)
    assert [joined.index(f"// {name}\n") for name in ("one.js", "deep/two.js", "main.js")] == sorted(
        joined.index(f"// {name}\n") for name in sources
    )
    assert "const { two: deux } = $deep_two_js;" in joined
    assert not re.search(r"^\s*(import|export)\b", joined, re.MULTILINE)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}, "a.js -> b.js -> a.js"),
        ({"a.js": 'import * as b from "./b.js";\n'}, "a.js: cannot join"),
        ({"a.js": "export default 1;\n"}, "a.js: cannot join"),
    ],
)
def test_what_cannot_be_joined_is_said(sources: dict[str, str], said: str):
    with pytest.raises(ValueError, match=said):
        join_modules("a.js", sources.__getitem__)


def test_only_the_widget_exports():
    exports = re.compile(r"^\s*export\b", re.MULTILINE)
    assert len(exports.findall(widget_module())) == 1
    assert not exports.search(page_script())


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
