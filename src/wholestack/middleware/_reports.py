"""Reports that browsers send of what a policy has stopped: each a line in the log, of words that are known."""

from __future__ import annotations

import json
import logging
from typing import Any

from wholestack import BadRequest, Body, Limits, Response

REPORTS = Limits(body="64 KiB")
"""Of one request; browsers send a few reports in one."""
_MOST = 20
_LONGEST = 200
_log = logging.getLogger("wholestack.reports")

# The names of the older form (report-uri) and of the newer one (report-to), to one name each.
_KNOWN = {
    "effective-directive": "directive",
    "effectiveDirective": "directive",
    "blocked-uri": "blocked",
    "blockedURL": "blocked",
    "document-uri": "page",
    "documentURL": "page",
    "source-file": "source_file",
    "sourceFile": "source_file",
    "line-number": "line",
    "lineNumber": "line",
    "disposition": "disposition",
    "id": "feature",
}


def take_reports(body: Body[bytes]) -> Response:
    """Write what a browser reports into the log (CSP Level 3 §5, Reporting API §2); anybody may send anything here.

    Raises:
        BadRequest: what came is no JSON.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("This takes reports of browsers, as JSON.") from None
    for kind, report in _reports(found):
        _log.warning("a browser reports", extra={"report": kind, **_shortened(report)})
    return Response(status=204)


def _reports(found: Any) -> list[tuple[str, dict[str, Any]]]:
    """The kind and the content of each report."""
    known = []
    for each in (found if isinstance(found, list) else [found])[:_MOST]:
        if isinstance(each, dict):
            old, content = each.get("csp-report"), each.get("body")
            if isinstance(old, dict):
                known.append(("csp-violation", old))
            elif isinstance(content, dict):
                known.append((_short(each.get("type")), content))
    return known


def _shortened(report: dict[str, Any]) -> dict[str, str]:
    """Known names only; of an address without its query, which may hold secrets."""
    return {_KNOWN[name]: _short(value) for name, value in report.items() if name in _KNOWN}


def _short(value: object) -> str:
    """The beginning of a text, of what can be printed: a line break would begin a line of anybody's in the log."""
    if not isinstance(value, (str, int)):
        return ""
    text = str(value).partition("?")[0].partition("#")[0][:_LONGEST]
    return "".join(filter(str.isprintable, text))
