"""The site made of these pages: `make docs`. Sphinx reads this file.

https://www.sphinx-doc.org/en/master/usage/configuration.html
"""

import logging
from importlib.metadata import version as installed

# A package of furo's lets every logger print at level INFO. Alembic's does, once it is imported.
logging.getLogger("alembic").setLevel(logging.WARNING)

project = "DeployStack"
author = copyright = "The DeployStack developers"
release = version = installed("deploystack")

extensions = ["myst_parser", "sphinx_click", "sphinx_external_toc"]
external_toc_path = "_toc.yml"
root_doc = "index"
myst_heading_anchors = 4  # a heading's anchor is the one it has where the files are read
nitpicky = True  # a reference that leads nowhere is a warning, and `make docs` fails for one

html_theme = "furo"
html_title = f"DeployStack {release}"
html_show_sourcelink = False
html_copy_source = False
# Files that are offered beside the pages.
html_extra_path = ["openapi.json", "postman.json"]
# For a summary the search fetches each page it has found, which browsers refuse to pages that come
# from a disk.
html_show_search_summary = False
