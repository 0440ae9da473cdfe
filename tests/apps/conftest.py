"""The examples' data lies in memory here: each start of an app begins with what is shipped."""

import os
import sys
from pathlib import Path

# As `wholestack serve examples/airports/app.py` does for what stands beside the file.
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "airports"))

before = os.environ.get("DATABASE_URL")
os.environ["DATABASE_URL"] = "sqlite://"
try:
    import examples.airports.app  # noqa: F401  (it reads the address when it is loaded)
finally:
    del os.environ["DATABASE_URL"]
    if before is not None:
        os.environ["DATABASE_URL"] = before
