"""Each kind of page of the admin as a member of staff sees it, for the checker of HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from admin.furnished import Authors, Tags, furnish
from admin.shelf import BooksWithRows, Chapter, Colour, Contribution, Footnote, Specimen
from admin.site import BROWSER, Author, Genre, Person, Review, Site, Stock, Tag, login
from wholestack.languages import Languages

PATHS = (
    *(
        "",
        "book",
        "book?genre=x&price__ge=x&q=one",
        "book/new",
        "book/1",
        "book/1/history",
        "author/1/delete",
        "author/1",
    ),
    *(
        "search",
        "search?q=one",
        "reports",
        "stock",
        "stock/a%252Fb,c",
        "specimen/new",
        "specimen",
        "history",
        "nowhere",
    ),
    *("book/-/export", "book/-/import"),
)


def pages_of_admin() -> Iterator[tuple[str, str]]:
    """All of them, some from the right; and forms that were not right."""
    views = (BooksWithRows, Authors, Tags, Review, Stock, Specimen, Chapter, Footnote, Contribution, Person)
    site = Site(*views, accent="#7a1f5c")
    furnish(site.admin)
    with site.running(Languages("en", "ar")):
        login(site.client, "*")
        author = site.author("Ann & <one>")
        book = site.book("One", author, genre=Genre.POEMS)
        site.add(Tag(name="red"), Stock(shop="a/b", code="c", pieces=1), Review(book_id=book.id, stars=1, text="<b>"))
        site.add(Specimen(name="x", colour=Colour.RED, number=1, facts={"a": [1]}))
        for language in ("en", "ar"):
            for path in PATHS if language == "en" else PATHS[:6]:
                answer = site.client.get(f"/admin/{path}", headers={**BROWSER, "accept-language": language})
                assert answer.status < 500, path
                if (answer.headers["content-type"] or "").startswith("text/html"):
                    yield f"admin-{language}-{path}-{answer.status}", answer.text
        for path, form in (
            ("author/new", {"email": "x" * 300}),
            ("tag/new", {"name": ""}),
            ("specimen/new", {"number": ""}),
        ):
            yield f"admin-post-{path}", site.client.post(f"/admin/{path}", data=form, headers=BROWSER).text
        yield from pages_of_many(site)
        assert site.all(Author)


def pages_of_many(site: Site) -> Iterator[tuple[str, str]]:
    """The pages of actions, imports, jobs and versions, which are made first."""

    def sent(path: str, data: dict[str, str], files: dict[str, Any] | None = None) -> str:
        return site.client.post(path, data=data, files=files or {}, headers=BROWSER, follow=False).headers["location"]

    asked = sent("/admin/tag/-/actions", {"action": "delete", "scope": "all"})
    columns = sent("/admin/tag/-/import", {}, {"file": ("<b>.csv", b"name,x\nnew,1\n,2\nred,<i>\n")})
    checked = sent(columns, {"columns": ["name", "-"]})  # type: ignore[dict-item]  # A field of several.
    for name in ("one", "two"):
        sent("/admin/tag/1", {"name": name})
    paths = {
        "question": asked,
        "columns": columns,
        "preview": checked,
        "faults": f"{checked}?faults=1",
        "job": columns.replace("/import/", "/jobs/"),
        "compare": "/admin/tag/1/history?from=1&to=2",
        "restore": "/admin/tag/1/history/1",
        "mine": "/admin/history/mine",
    }
    for name, path in paths.items():
        answer = site.client.get(path, headers=BROWSER)
        assert answer.status == 200, path
        yield f"admin-{name}", answer.text
