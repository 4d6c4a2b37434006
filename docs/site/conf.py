"""Sphinx: the course as static pages, from notebooks as they are committed. Nothing is executed and nothing fetched."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # mathml

project = "rmlab"
author = "The rmlab authors"
html_title = "rmlab: learn reward modelling by doing it"
root_doc = "README"
extensions = ["myst_nb", "mathml"]
html_theme = "sphinx_book_theme"
html_theme_options = {
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "logo": {"link": "index.html", "text": "rmlab"},
}
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
nb_execution_mode = "off"
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
# A widget needs a kernel: its picture stands beside it, and no script for it is loaded.
nb_ipywidgets_js = {}
html_math_renderer = "mathml"
