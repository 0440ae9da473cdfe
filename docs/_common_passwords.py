"""Make src/wholestack/auth/data/common-passwords.zlib anew: docs/_common_passwords.py passwords.json

`passwords.json` is `src/passwords.json` of the package @zxcvbn-ts/language-common (see the NOTICE beside the data). The
same input gives the same bytes.
"""

from __future__ import annotations

import json
import sys
import unicodedata
import zlib
from pathlib import Path

TO = Path(__file__).parents[1] / "src" / "wholestack" / "auth" / "data" / "common-passwords.zlib"
SHORTEST = 4


def main(path: str) -> None:
    words = {unicodedata.normalize("NFKC", each).casefold() for each in json.loads(Path(path).read_text("utf-8"))}
    kept = sorted(each for each in words if len(each) >= SHORTEST and each.isprintable())
    TO.write_bytes(zlib.compress("".join(f"\n{each}" for each in [*kept, ""]).encode(), 9))
    print(f"{len(kept)} passwords, {TO.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
