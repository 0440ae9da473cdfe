"""Build the documentation as a small static site: docs/_build.py [folder], docs/_site where none is given.

Markdown becomes HTML, links between pages lead to the built pages, and a page that no other page leads to is a fault.
What is in the pages (blocks, links, features, errors) is checked by tests/house; `scripts/docs` runs both.
"""

from __future__ import annotations

import html
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

DOCS = Path(__file__).parent
STYLE = DOCS / "_style.css"
START = "index"
CODE = HtmlFormatter(nowrap=True)


@dataclass
class Page:
    """One page: where it lies below docs/ without its suffix, its title, its HTML, and the pages it leads to."""

    name: str
    title: str
    body: str
    links: set[str]


def coloured(code: str, language: str, _attributes: str) -> str:
    try:
        return str(highlight(code, get_lexer_by_name(language), CODE))
    except ClassNotFound:
        return html.escape(code)


def each(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from each(token.children or [])


def anchor(heading: str) -> str:
    """The name under which a heading can be linked, as code forges make it.

    Example: ``What "one app" means`` becomes ``what-one-app-means``.
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def read(path: Path) -> Page:
    """A page from its Markdown; links to `.md` become links to `.html`, headings get anchors."""
    name = path.relative_to(DOCS).with_suffix("").as_posix()
    markdown = MarkdownIt("commonmark", {"highlight": coloured}).enable("table")
    tokens = markdown.parse(path.read_text(encoding="utf-8"))
    title, links = name, set()
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            text = tokens[index + 1].content.replace("`", "")
            token.attrSet("id", anchor(text))
            title = text if token.tag == "h1" else title
    for token in each(tokens):
        target = str(token.attrGet("href") or "")
        page, _, place = target.partition("#")
        if token.type == "link_open" and page.endswith(".md") and "://" not in page:
            links.add(posixpath.normpath(posixpath.join(posixpath.dirname(name), page.removesuffix(".md"))))
            token.attrSet("href", page.removesuffix(".md") + ".html" + (f"#{place}" if place else ""))
    return Page(name, title, markdown.renderer.render(tokens, markdown.options, {}), links)


def whole(page: Page) -> str:
    """The page as a document of its own; nothing is loaded from elsewhere."""
    up = "../" * page.name.count("/")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(page.title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<link rel="stylesheet" href="{up}style.css">\n</head>\n'
        f'<body>\n<nav><a href="{up}{START}.html">Wholestack</a></nav>\n<main>\n{page.body}</main>\n</body>\n</html>\n'
    )


def unreached(pages: dict[str, Page]) -> list[str]:
    """Pages that no way from the first page leads to."""
    seen, ways = set(), [START]
    while ways:
        name = ways.pop()
        if name in pages and name not in seen:
            seen.add(name)
            ways += pages[name].links
    return sorted(set(pages) - seen)


def broken(pages: dict[str, Page]) -> list[str]:
    """Links to a page that is not built, or with an anchor that the page does not have."""
    wrong = []
    for page in pages.values():
        wrong += [f"{page.name}: {name}.md is no page" for name in sorted(page.links - set(pages))]
        for target, place in re.findall(r'href="([^":#]*)\.html#([^"]+)"', page.body):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), target))
            if name in pages and f'id="{place}"' not in pages[name].body:
                wrong.append(f"{page.name}: {target}.md#{place}")
    return wrong


def style() -> str:
    """The style sheet, with the colours of code in light and in dark; its ground is the page's."""
    found = STYLE.read_text(encoding="utf-8")
    for scheme, code in (("light", CODE), ("dark", HtmlFormatter(style="github-dark"))):
        found += f"@media (prefers-color-scheme: {scheme}) {{\n{chr(10).join(code.get_token_style_defs('pre'))}\n}}\n"
    return found


def build(folder: Path) -> int:
    """Write the site, and say what is wrong with it; the number of faults."""
    paths = sorted(path for path in DOCS.rglob("*.md") if not path.relative_to(DOCS).parts[0].startswith("_"))
    pages = {page.name: page for page in map(read, paths)}
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / "style.css").is_file():
            print(f"docs: {folder} holds something else than a site", file=sys.stderr)
            return 1
        shutil.rmtree(folder)
    for page in pages.values():
        file = folder / f"{page.name}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(whole(page), encoding="utf-8")
    (folder / "style.css").write_text(style(), encoding="utf-8")
    if (DOCS / "pictures").is_dir():
        shutil.copytree(DOCS / "pictures", folder / "pictures")
    faults = [f"no page leads to {name}.md" for name in unreached(pages)] + broken(pages)
    for fault in faults:
        print(f"docs: {fault}", file=sys.stderr)
    print(f"docs: {len(pages)} pages in {folder}")
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(1, build(Path(sys.argv[1]) if sys.argv[1:] else DOCS / "_site")))
