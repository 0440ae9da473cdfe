"""Files that go out: by signed addresses only, in ranges, and so that nothing of them runs."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from s3_service import S3Service, bucket
from wholestack import App, Request, Response, Secret, SetupError
from wholestack.files import Files, FileStore, LocalStorage, MemoryStorage, Storage, StoredFile, UploadRefused
from wholestack.middleware import CORS, SecurityHeaders
from wholestack.sessions import MemorySessions, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import Client

KEY = "a key that nobody can guess"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
Colour = Callable[[Any], Any]


def served(storage: Storage, **options: Any) -> tuple[App, FileStore]:
    app = App(docs=False)
    plugin = Files(storage, **{"key": KEY, **options})
    app.use(plugin)
    return app, plugin.store()


def changed(url: str, **query: str | None) -> str:
    """The address with other words in its query."""
    found = {**dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)), **query}
    return f"{urlsplit(url).path}?{urlencode({key: value for key, value in found.items() if value is not None})}"


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_picture_is_shown_and_nothing_of_it_runs(storage: Storage, interface: Any) -> None:
    app, files = served(storage)
    url = files.url(files.save(PNG, filename="résumé.png"))
    with Client(app, interface=interface) as client:
        answer = client.get(url)
        assert (answer.status, answer.body) == (200, PNG)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-length"] == str(len(PNG))
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["content-disposition"] == (
            "inline; filename=\"resume.png\"; filename*=UTF-8''r%C3%A9sum%C3%A9.png"
        )
        assert answer.headers["cross-origin-resource-policy"] == "same-site"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert re.fullmatch(r"private, max-age=3\d{3}", answer.headers["cache-control"])
        again = client.get(url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        head = client.head(url)
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(PNG)))


def test_ranges(storage: Storage) -> None:
    app, files = served(storage)
    url = files.url(files.save(PNG))
    client = Client(app)
    part = client.get(url, headers={"range": "bytes=2-5"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, PNG[2:6], f"bytes 2-5/{len(PNG)}")
    assert part.headers["content-type"] == "image/png"
    assert client.get(url, headers={"range": "bytes=-4"}).body == PNG[-4:]
    assert client.get(url, headers={"range": "bytes=1000-"}).status == 416
    assert client.get(url, headers={"range": "bytes=2-5", "if-range": '"other"'}).body == PNG
    several = client.get(url, headers={"range": "bytes=0-1,50-51"})
    assert several.status == 206 or several.body == PNG  # A storage that is elsewhere gives all (RFC 9110 §14.2).


DANGEROUS = {
    "page.jpg": b"<html><script>alert(1)</script>",
    "a.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "a.xml": b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>",
    "a.js": b"alert(1)",
    "a.pdf": b"%PDF-1.7 /JS (app.alert(1))",
    "a.txt": b"plain",
    "a.exe": b"MZ\x90\x00",
}


@pytest.mark.parametrize("name", DANGEROUS)
def test_all_else_is_saved_and_not_shown(name: str) -> None:
    app, files = served(MemoryStorage())
    answer = Client(app).get(files.url(files.save(DANGEROUS[name], filename=name)))
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["content-type"] in {
        "application/octet-stream",
        "application/pdf",
        "text/plain; charset=utf-8",
    } or (answer.headers["content-type"] == "text/plain")
    assert answer.headers["content-security-policy"].startswith("sandbox")


def test_what_may_be_shown_is_a_choice() -> None:
    app, files = served(MemoryStorage(), inline={"application/pdf"})
    pdf, png = files.save(b"%PDF-1.7"), files.save(PNG)
    assert Client(app).get(files.url(pdf)).headers["content-disposition"].startswith("inline")
    assert Client(app).get(files.url(png)).headers["content-disposition"].startswith("attachment")


def test_an_address_of_ours_or_none() -> None:
    storage = MemoryStorage()
    app, files = served(storage)
    stored, other = files.save(PNG, filename="a.png"), files.save(PNG)
    url = files.url(stored)
    client = Client(app)
    client.get(url).expect(200)
    client.get(url + "&utm_source=x").expect(200)  # What is not signed decides nothing.
    assert client.get(url + "&utm_source=x&download=1").status == 404
    signature = dict(parse_qsl(urlsplit(url).query))["signature"]
    for forged in (
        f"/files/{stored.name}",
        changed(url, signature=None),
        changed(url, signature=""),
        changed(url, signature=signature[:-1]),
        changed(url, signature=signature + "é"),
        changed(url, signature=signature.swapcase()),
        changed(url, expires="99999999999"),
        changed(url, expires=None),
        changed(url, filename="setup.exe"),
        changed(url, filename=None),
        changed(url, filename=f"a.png&expires={quote('9')}"),
        changed(url, download="1"),
        url + "&signature=" + signature,
        url.replace(stored.name, other.name),
        url.replace(stored.name, "incoming-" + "0" * 32),
        url.replace(stored.name, "..%2f..%2fetc%2fpasswd"),
        url.replace(stored.name, stored.name.upper()),
    ):
        assert client.get(forged).status in {400, 404}, forged
    storage.delete(stored.name)
    missing = client.get(url)
    assert (missing.status, missing.json()["code"]) == (404, "file-missing")


def test_an_address_has_an_end() -> None:
    app, files = served(MemoryStorage())
    stored = files.save(PNG)
    assert Client(app).get(files.url(stored, expires=60)).status == 200
    over = Client(app).get(files.url(stored, expires=-1))
    assert (over.status, over.json()["code"]) == (410, "gone")


def test_download(storage: Storage) -> None:
    app, files = served(storage)
    url = files.url(files.save(PNG, filename='a"\r\nSet-Cookie: a=b.png'), download=True)
    answer = Client(app).get(url)
    assert answer.headers["content-disposition"].startswith('attachment; filename="a')
    assert "set-cookie" not in answer.headers


def test_public_files() -> None:
    storage = MemoryStorage()
    app, files = served(storage, public=True, origin="https://files.example.org/")
    stored = files.save(PNG, filename="a.png")
    url = files.url(stored)
    assert url == f"https://files.example.org/files/{stored.name}"
    answer = Client(app).get(f"/files/{stored.name}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-disposition"] == f'inline; filename="{stored.name}"'
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    saved = Client(app).get(files.url(stored, download=True).removeprefix("https://files.example.org"))
    assert saved.headers["content-disposition"] == 'attachment; filename="a.png"'
    assert saved.headers["cache-control"].startswith("public")
    assert Client(app).get(f"/files/{stored.name}?signature=x").status == 404


def test_keys_are_changed_without_ending_what_is_out() -> None:
    storage = MemoryStorage()
    _, before = served(storage, key="the first key of them all")
    url = before.url(before.save(PNG))
    app, _ = served(storage, key=[Secret("the second key of them"), "the first key of them all"])
    Client(app).get(url).expect(200)
    app, _ = served(storage, key=Secret("the second key of them"))
    assert Client(app).get(url).status == 404


def test_a_key_there_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    for options in ({"key": ()}, {"key": "short"}):
        app = App(docs=False)
        app.use(Files(MemoryStorage(), **options))  # type: ignore[arg-type]
        with pytest.raises(SetupError, match="no-files-key"):
            app.seal()
    monkeypatch.setenv("FILES_KEY", KEY)
    app, files = served(MemoryStorage(), key=())
    Client(app).get(files.url(files.save(PNG))).expect(200)
    monkeypatch.delenv("FILES_KEY")
    app, files = served(MemoryStorage(), key=(), public=True)
    stored = files.save(PNG)
    Client(app).get(files.url(stored)).expect(200)
    assert Client(app).get(f"/files/{stored.name}?signature=").status == 404
    assert not files.signs
    with pytest.raises(SetupError, match="FILES_KEY"):
        files.url(stored, download=True)


def test_below_a_mount_and_in_templates(tmp_path: Any) -> None:
    storage = MemoryStorage()
    inner, files = served(storage)
    stored = files.save(PNG, filename="a.png")
    (tmp_path / "page.html").write_text("{{ file_url(stored, download=True) }}")
    inner.use(Templates(str(tmp_path)))

    @inner.get("/page")
    def page() -> Page:
        return Page("page.html", stored=stored)

    @inner.get("/url")
    def url(files: FileStore) -> str:
        return files.url(stored)

    outer = App(docs=False)
    outer.mount("/in ner", inner)
    client = Client(outer)
    for path in ("/in%20ner/page", "/in%20ner/url"):
        found = client.get(path).text.strip('"').replace("&amp;", "&")
        assert found.startswith("/in%20ner/files/")
        assert client.get(found).body == PNG


def test_other_security_headers_do_not_loosen_it() -> None:
    app, files = served(MemoryStorage())
    app.use(SecurityHeaders())
    answer = Client(app).get(files.url(files.save(PNG)))
    assert "sandbox; default-src 'none'" in answer.headers["content-security-policy"]


def test_from_a_handler_of_ones_own(storage: Storage, colour: Colour) -> None:
    app, files = served(storage)
    stored = files.save(PNG, filename="a.png")

    def mine(request: Request, files: FileStore, part: str | None = None) -> Response:
        return files.answer(stored, request, download=part == "all")

    app.get("/mine")(colour(mine))
    client = Client(app)
    answer = client.get("/mine")
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, PNG, "private, max-age=0")
    assert answer.headers["content-disposition"] == 'inline; filename="a.png"'
    assert client.get("/mine", headers={"range": "bytes=0-0"}).body == PNG[:1]
    assert client.get("/mine?part=all").headers["content-disposition"] == 'attachment; filename="a.png"'


def test_a_request_without_a_name_of_ours(storage: Storage) -> None:
    app, _ = served(storage)
    for name in ("x", "a.png", "%2e%2e%2f", "0" * 32, "0" * 32 + ".png", "x" * 3000):
        assert Client(app).get(f"/files/{name}").status in {400, 404}


# -- straight to the storage -------------------------------------------------------------------------------------


def with_claims(app: App, colour: Colour) -> Client:
    def ask(files: FileStore) -> list[str]:
        found = files.upload_address(types={"image/*"}, largest=200)
        return [found.method, found.url, found.token]

    def claim(token: str, files: FileStore) -> StoredFile:
        return files.claim(token, filename="mine.png")

    app.post("/ask")(colour(ask))
    app.post("/claim")(colour(claim))
    return Client(app)


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_an_upload_past_the_app(kind: str, tmp_path: Any, colour: Colour) -> None:
    storage = LocalStorage(tmp_path / "files") if kind == "local" else MemoryStorage()
    app, files = served(storage)
    client = with_claims(app, colour)
    method, url, token = client.post("/ask").json()
    early = client.post("/claim", query={"token": token})
    assert (early.status, early.json()["code"], method) == (422, "upload-refused", "PUT")
    assert client.put(url, body=PNG).status == 204
    twice = client.put(url, body=b"<html>")
    assert (twice.status, twice.json()["code"]) == (409, "conflict")
    assert [each.name[:9] for each in storage.names()] == ["incoming-"]
    stored = client.post("/claim", query={"token": token}).expect(200).json()
    assert (stored["filename"], stored["media_type"], stored["size"]) == ("mine.png", "image/png", len(PNG))
    assert [each.name for each in storage.names()] == [stored["name"]]
    assert client.post("/claim", query={"token": token}).status == 422


def test_an_upload_past_the_app_that_is_refused() -> None:
    app, files = served(MemoryStorage())
    client = with_claims(app, lambda function: function)
    _, url, token = client.post("/ask").json()
    large = client.put(url, body=PNG + bytes(200))
    assert (large.status, large.json()["code"]) == (413, "file-too-large")
    forged = url[:-1] + ("A" if url[-1] != "A" else "B")
    assert client.put(forged, body=PNG).json()["code"] == "upload-refused"
    assert client.put("/files/incoming?token=nothing", body=PNG).json()["code"] == "upload-refused"
    assert client.put("/files/incoming?token=%C3%A9.%C3%A9", body=PNG).json()["code"] == "upload-refused"
    # A token for one thing is none for another.
    assert client.put(f"/files/incoming?token={token}", body=PNG).status == 422
    assert client.post("/claim", query={"token": url.rpartition("=")[2]}).status == 422
    assert client.put(url, body=b"<html><script>").status == 204
    refused = client.post("/claim", query={"token": token})
    assert (refused.status, refused.json()["code"]) == (415, "file-type-refused")
    with pytest.raises(UploadRefused, match="not any more"):
        files.claim(files.upload_address(expires=-1).token)


def test_a_claim_is_narrower_than_its_address(colour: Colour) -> None:
    app, files = served(MemoryStorage())

    def send(content: bytes, **options: Any) -> str:
        found = files.upload_address(**options)
        assert client.put(found.url, body=content).status == 204
        return found.token

    @app.post("/avatar")
    @colour
    def avatar(token: str, files: FileStore) -> str:
        return files.claim(token, types={"image/*"}, largest=150, purpose="avatar").media_type

    def claim(token: str) -> Any:
        answer = client.post("/avatar", query={"token": token})
        return answer.text if answer.status == 200 else (answer.status, answer.json()["code"])

    with Client(app) as client:
        assert claim(send(PNG, purpose="avatar")) == "image/png"
        assert claim(send(PNG)) == claim(send(PNG, purpose="report")) == (422, "upload-refused")
        assert claim(send(b"<html>", purpose="avatar")) == (415, "file-type-refused")
        assert claim(send(PNG, purpose="avatar", types={"text/plain"})) == (415, "file-type-refused")
        assert claim(send(PNG + bytes(50), purpose="avatar")) == (413, "file-too-large")
        assert client.put(files.upload_address(largest=50).url, body=PNG).status == 413
        with pytest.raises(UploadRefused, match="something else"):
            files.claim(send(PNG, purpose="avatar"))
        assert files.claim(send(PNG + bytes(50)), largest="1 KiB").size == len(PNG) + 50


def test_an_upload_from_a_page_of_another_origin() -> None:
    page = "https://www.example.org"
    app, files = served(MemoryStorage(), origin="https://files.example.org")
    app.use(Sessions(MemorySessions()), CORS(origins=[page], headers=["content-type"]))

    @app.put("/act")
    def act() -> None: ...

    address = files.upload_address()
    said = {"origin": page, "sec-fetch-site": "same-site", "content-type": "image/png"}
    asks = {"access-control-request-method": "PUT", "access-control-request-headers": "content-type"}
    with Client(app, base_url="https://files.example.org") as client:
        preflight = client.options(address.url, headers={"origin": page, **asks})
        assert preflight.headers["access-control-allow-origin"] == page
        assert "PUT" in preflight.headers["access-control-allow-methods"]
        sent = client.put(address.url, body=PNG, headers=said)
        assert (sent.status, sent.headers["access-control-allow-origin"]) == (204, page)
        assert client.put("/act", headers=said).status == 403  # All else is guarded.
    assert files.claim(address.token).media_type == "image/png"


def test_an_upload_straight_to_a_bucket(s3: S3Service, colour: Colour) -> None:
    app, files = served(bucket(s3))
    client = with_claims(app, colour)
    _, url, token = client.post("/ask").json()
    assert url.startswith(s3.endpoint)

    def send(content: bytes) -> None:
        wanted = urllib.request.Request(url, content, {"content-type": "text/html"}, method="PUT")
        urllib.request.urlopen(wanted).close()

    send(PNG)
    stored = client.post("/claim", query={"token": token}).expect(200).json()
    assert list(s3.objects) == [f"app/{stored['name']}"]
    content, about, _ = s3.objects[f"app/{stored['name']}"]
    assert (content, about["content-type"]) == (PNG, "image/png")  # Not what its sender said.
    send(b"<html>")  # The sender's address is still good, and leads nowhere any more.
    assert s3.objects[f"app/{stored['name']}"][0] == PNG
    assert client.post("/claim", query={"token": token}).status == 415
    send(PNG + bytes(200))
    assert client.post("/claim", query={"token": token}).status == 413


def test_the_representation_has_no_secret() -> None:
    plugin = Files(MemoryStorage(), key=KEY)
    assert repr(plugin) == "<Files /files <MemoryStorage of 0 files>>"
