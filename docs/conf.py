"""How the documentation is built: ``make docs``."""

from __future__ import annotations

from migrator import __version__

project = "eventlet-migrate"
author = "the eventlet-migrate developers"
copyright = author  # noqa: A001 - sphinx's name for it
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"eventlet-migrate {release}"
# The JSON Schemas are published beside the pages.
html_extra_path = ["schema"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Shell sessions hold output of every kind; what cannot be coloured is no error.
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True
