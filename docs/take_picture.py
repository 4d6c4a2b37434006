"""Take the picture of the README, docs/path.png, from the outputs of notebooks/00_start.ipynb."""

import base64
import re
from pathlib import Path

import nbformat

docs = Path(__file__).parent
notebook = nbformat.read(docs.parent / "notebooks" / "00_start.ipynb", as_version=4)
shown = [output.data["text/html"] for cell in notebook.cells for output in cell.get("outputs", [])
         if "text/html" in output.get("data", {})]  # fmt: skip
(picture,) = [found[1] for html in shown if (found := re.search(r'base64,([^"]+)" alt="The path of one pair', html))]
(docs / "path.png").write_bytes(base64.b64decode(picture))
