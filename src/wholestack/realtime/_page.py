"""A plain page for the AsyncAPI document: no script, one style sheet of its own, everything escaped."""

from __future__ import annotations

import json
from html import escape
from typing import Any

POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STYLE = b"""body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; }
h1, h2, p { overflow-wrap: anywhere; }
h2 { border-top: 1px solid; margin-top: 2rem; padding-top: 1rem; }
code, pre { font-family: ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid; border-radius: 0.25rem; }
summary { cursor: pointer; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}: sockets and events</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="asyncapi.css">
</head>
<body>
<main>
<h1>{title} <small>{version}</small></h1>
<p>Sockets, streams of events, and their messages. The document itself is <a href="asyncapi.json">asyncapi.json</a>.</p>
{parts}
</main>
</body>
</html>
"""


def page(document: dict[str, Any]) -> str:
    """The page of a document.

    Example:
        >>> "<h1>Notes" in page({"info": {"title": "Notes", "version": "1"}, "channels": {}, "operations": {}})
        True
    """
    info = document["info"]
    parts = [_part(document, key, channel) for key, channel in document["channels"].items()]
    text = "\n".join(parts) or "<p>There are none.</p>"
    return _PAGE.format(title=escape(info["title"]), version=escape(info["version"]), parts=text)


def _part(document: dict[str, Any], key: str, channel: dict[str, Any]) -> str:
    kind = "WebSocket" if "ws" in channel.get("bindings", {}) else "Events" if channel["address"] else "Channel"
    head = f"<h2>{kind} <code>{escape(channel['address'] or channel['title'])}</code></h2>"
    lines = [head, f"<p>{escape(channel.get('summary') or channel['title'])}</p>"]
    for operation in document["operations"].values():
        if operation["channel"]["$ref"] == f"#/channels/{key}":
            lines.append(f"<p>{escape(operation.get('description', ''))}</p>" if "description" in operation else "")
            verb = "The client sends" if operation["action"] == "receive" else "The client gets"
            lines += [_message(document, verb, reference["$ref"]) for reference in operation["messages"]]
    if channel["address"] is None:
        lines += [_message(document, "Message", f"#/channels/{key}/messages/{name}") for name in channel["messages"]]
    return "\n".join(line for line in lines if line)


def _message(document: dict[str, Any], verb: str, reference: str) -> str:
    _, _, key, _, name = reference.split("/")
    found = document["channels"][key]["messages"][name]["$ref"].rpartition("/")[2]
    schema = json.dumps(_whole(document, document["components"]["messages"][found]["payload"]), indent=2)
    return f'<details open><summary>{verb}: {escape(name)}</summary><pre tabindex="0">{escape(schema)}</pre></details>'


def _whole(document: dict[str, Any], schema: Any, depth: int = 0) -> Any:
    """A schema with what it refers to in its place, as deep as a reader follows."""
    if isinstance(schema, list):
        return [_whole(document, each, depth) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema and depth < 4:
        name = schema["$ref"].rpartition("/")[2]
        return _whole(document, document["components"].get("schemas", {}).get(name, {}), depth + 1)
    return {key: _whole(document, value, depth) for key, value in schema.items() if key != "discriminator"}
