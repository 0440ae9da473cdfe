"""Every exception from the rules of the house, by name and with its reason. One that is not needed any more fails."""

from __future__ import annotations

CORE_LINES = 5_800
"""Lines of code of floors 0 to 3, imports and `__all__` included. 4,000 was asked (docs/design.md, "What is larger than
asked", says what is above it and where it could go): this bound may only come down."""

BODY_LINES = 50
_ONE_FRAME = "the hot path in one frame: each part taken out would be one more frame under every handler"
LONG_BODIES: dict[str, str] = {
    "src/wholestack/servers/_asgi.py::driver": _ONE_FRAME,
    "src/wholestack/servers/_asgi.py::driver.answer": _ONE_FRAME,
    "src/wholestack/servers/_rsgi.py::driver": _ONE_FRAME,
    "src/wholestack/servers/_rsgi.py::driver.answer": _ONE_FRAME,
}
"""`src/wholestack/http/_file.py::Class.method` → why its body is longer."""

PARAMETERS = 8
WIDE_SIGNATURES: dict[str, str] = {
    "src/wholestack/http/_cookies.py::write_cookie": "a cookie has so many attributes (RFC 6265bis §4.1), each by name"
}
"""`path::qualified name` → why it takes more."""

FILE_LINES = 500
LONG_FILES: dict[str, str] = {}
"""`path` → why it is longer."""

OWN_MODULES = 64
"""How many modules of its own `import wholestack` may load."""

NOT_LOADED = (
    "alembic",
    "click",
    "granian",
    "greenlet",
    "jinja2",
    "msgspec",
    "sqlalchemy",
    "uvicorn",
    "wholestack.cli",
    "wholestack.description",
    "wholestack.encoding",
    "wholestack.mounting",
    "wholestack.openapi",
    "wholestack.testing",
)
"""What `import wholestack` must leave unloaded."""

UNDOCUMENTED: dict[str, str] = {}
"""`wholestack.folder.Name` or `wholestack.folder.Name.method` → why it needs no docstring."""

NO_PAGE: dict[str, str] = {}
"""Error code → why it has no page in docs/errors/ and no example."""

COVERAGE = {0: 100.0, 1: 99.5, 2: 97.0, 3: 98.0, 4: 95.0, 5: 95.0, 6: 95.0, 10: 93.0}
"""Per cent of lines and branches by floor; COVERAGE_ABOVE for all others. Asked are 100 on floors 0 and 1 and 95 above;
these figures are held until a whole run has proven those, and may only rise. Servers and the
browser's pages run in processes of their own, which are not measured; the command line's workers are run in the tests' process, too."""
COVERAGE_ABOVE = 95.0

NOT_COVERED: dict[str, str] = {
    "src/wholestack/__main__.py": "`python -m wholestack` is a process of its own: tests/public/cli asks it"
}
"""`path` or `path::qualified name` → why the tests that are measured do not run it."""
