"""How large tests are: `BACHLIT_TESTS=large python -m pytest`, as CI runs it, tries more of the same kind."""

import os

LARGE = os.environ.get("BACHLIT_TESTS") == "large"
