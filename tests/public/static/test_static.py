"""Static files: names that tell their content, references that follow, nothing out of the folder."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from wholestack import App
from wholestack.static import Static, StaticFault, build
from wholestack.templates import Page, Templates
from wholestack.testing import Client

UNIQUE = re.compile(r"\.[0-9a-f]{12}\.")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write({"a.css": "…"})`: files in a folder of static files."""

    def written(files: dict[str, str | bytes]) -> Path:
        folder = tmp_path / "files"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return written


def served(folder: Path, **options: Any) -> tuple[App, Static]:
    app, static = App(docs=False), Static(str(folder), **options)
    app.use(static)
    return app, static


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_file_under_its_unique_name_is_kept(write: Write, interface: Any) -> None:
    app, static = served(write({"css/app.css": "body { margin: 0 }", "a.png": b"\x89PNG" * 100}))
    with Client(app, interface=interface) as client:
        url = static.url("css/app.css")
        assert UNIQUE.search(url) and url.startswith("/static/css/app.")
        answer = client.get(url)
        assert (answer.status, answer.text) == (200, "body { margin: 0 }")
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["x-content-type-options"] == "nosniff"
        plain = client.get("/static/css/app.css")
        assert (plain.text, plain.headers["cache-control"]) == ("body { margin: 0 }", "no-cache")
        again = client.get(url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        part = client.get(static.url("a.png"), headers={"range": "bytes=1-3"})
        assert (part.status, part.body, part.headers["content-type"]) == (206, b"PNG", "image/png")


def test_the_name_changes_with_the_content_and_with_what_it_refers_to(write: Write) -> None:
    files = {
        "css/app.css": '@import "base.css"; a { background: url("../img/a.png#x") }',
        "css/base.css": "b {}",
        "img/a.png": "1",
    }
    _, first = served(write(files))
    before = {name: first.url(name) for name in files}
    _, same = served(write(files))
    assert {name: same.url(name) for name in files} == before
    _, second = served(write({"img/a.png": "2"}))
    assert second.url("img/a.png") != before["img/a.png"]
    assert second.url("css/app.css") != before["css/app.css"], "its text has changed: the name in it has"
    assert second.url("css/base.css") == before["css/base.css"]


def test_references_follow(write: Write) -> None:
    css = (
        "@import 'base.css'; a { background: url(../img/a.png) } b { background: url( \"../img/a.png?v=1#top\" ) }\n"
        "c { background: url(https://example.org/x.png) } d { background: url(data:image/png;base64,AA==) }\n"
        "e { background: url(/elsewhere.png) } f { fill: url(#id) } g { background: url(missing.png) }\n"
        "/*# sourceMappingURL=app.css.map */"
    )
    js = (
        'import { x } from "./lib/x.js"; import "./side.js"; export * from \'./lib/x.js\';\n'
        'const y = await import("./lib/x.js"); import z from "bare"; const s = "./lib/x.js";\n'
        "//# sourceMappingURL=main.js.map"
    )
    files: dict[str, str | bytes] = {
        "css/app.css": css,
        "css/base.css": "",
        "css/app.css.map": "{}",
        "img/a.png": "1",
        "main.js": js,
        "lib/x.js": 'import "../side.js"; import "../main.js";',
        "side.js": "1",
        "main.js.map": "{}",
    }
    app, static = served(write(files))
    client, unique = Client(app), static.files.by_name
    text = client.get(static.url("css/app.css")).text
    png = unique["img/a.png"].unique
    assert f"url(../{png})" in text and f'url( "../{png}?v=1#top" )' in text
    assert f"@import '{Path(unique['css/base.css'].unique).name}'" in text
    assert f"sourceMappingURL={Path(unique['css/app.css.map'].unique).name}" in text
    for kept in (
        "https://example.org/x.png",
        "data:image/png;base64,AA==",
        "(/elsewhere.png)",
        "(#id)",
        "(missing.png)",
    ):
        assert kept in text
    script = client.get(static.url("main.js")).text
    x, side = unique["lib/x.js"].unique, unique["side.js"].unique
    assert script.count(f"./{x}") == 3 and f'import "./{side}"' in script
    assert 'from "bare"' in script and 'const s = "./lib/x.js"' in script
    inner = client.get(static.url("lib/x.js")).text
    assert f'"../{side}"' in inner and f'"../{unique["main.js"].unique}"' in inner, "circles have names, too"
    ((name, target, line),) = static.files.lost
    assert (name, target, line) == ("css/app.css", "css/missing.png", 3)


@pytest.mark.parametrize("name", ["a b.png", "ä.png", "a#b?c.png", "100%.png", "a%20b.png", "a+b&c=d.png"])
def test_names_that_an_address_must_quote(write: Write, interface: Any, name: str) -> None:
    app, static = served(write({name: name, "a.css": f"a {{ background: url('{quote(name)}') }}"}))
    with Client(app, interface=interface) as client:
        assert client.get(static.url(name)).text == name
        found = re.search(r"url\('(.*)'\)", client.get(static.url("a.css")).text)
        assert found is not None and client.get(f"/static/{found[1]}").text == name
        assert UNIQUE.search(found[1])


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "css/../../secret.txt",
        "/etc/passwd",
        ".hidden",
        ".git/config",
        "css",
        "css/",
        "",
        "nothing.css",
        "css/app.css/",
        "css\\app.css",
        "css/.part.css",
        "link/secret.txt",
        "linked.txt",
        "app.000000000000.css",
    ],
)
def test_nothing_but_the_files_of_the_folder(write: Write, tmp_path: Path, path: str, interface: Any) -> None:
    folder = write({"css/app.css": "a", ".hidden": "no", ".git/config": "no", "css/.part.css": "no"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "linked.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "same.css").symlink_to(folder / "css" / "app.css")
    app, _ = served(folder)
    with Client(app, interface=interface) as client:
        answer = client.get(f"/static/{path}")
        assert answer.status in {400, 404} and "secret" not in answer.text and answer.text != "no"
        assert client.get("/static/same.css").text == "a"


def test_in_templates_below_a_mount_and_on_another_host(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("{{ static('a.css') }}")

    def page_of(**options: Any) -> App:
        app, _ = served(write({"a.css": "a"}), **options)
        app.use(Templates(str(tmp_path / "pages")))

        @app.get("/")
        def show() -> Page:
            return Page("a.html")

        return app

    text = Client(page_of()).get("/").text
    assert re.fullmatch(r"/static/a\.[0-9a-f]{12}\.css", text)
    outer = App(docs=False)
    outer.mount("/in", page_of(at="/assets/"))
    mounted = Client(outer).get("/in/").text
    assert re.fullmatch(r"/in/assets/a\.[0-9a-f]{12}\.css", mounted)
    assert Client(outer).get(mounted).text == "a"
    assert Client(page_of(prefix="https://cdn.example/")).get("/").text.startswith("https://cdn.example/static/a.")


def test_what_is_not_there_is_said(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("\n{{ static('app.cs') }}")
    app, static = served(write({"app.css": "a { background: url(lost.png) }"}))
    app.use(Templates(str(tmp_path / "pages")))
    with pytest.raises(StaticFault, match=r"There is no static file app\.cs in .*Is app\.css meant\?"):
        static.url("app.cs")
    app.seal()
    faults = sorted((fault.code, fault.where.rpartition("/")[2]) for check in app.checks for fault in check())
    assert faults == [("no-static-file", "a.html:2"), ("static-reference", "app.css:1")]


def test_a_name_promises_nothing_once_its_file_has_changed(write: Write) -> None:
    large = "x" * 300_000
    app, static = served(write({"small.png": "first", "large.png": large}))
    with Client(app) as client:
        small, url = static.url("small.png"), static.url("large.png")
        assert "immutable" in client.get(url).headers["cache-control"]
        write({"small.png": "another", "large.png": "another"})
        answer = client.get(url)
        assert (answer.text, answer.headers["cache-control"]) == ("another", "no-cache")
        # A small one is in memory as it was: the name still tells what is sent, and the plain name has what is there.
        assert (client.get(small).text, client.get("/static/small.png").text) == ("first", "another")


def test_small_files_are_sent_from_memory_large_ones_in_parts(write: Write, interface: Any) -> None:
    app, static = served(write({"small.css": "a {}", "large.css": "b {}" * 80_000}))
    with Client(app, interface=interface) as client:
        for name, size in (("small.css", 4), ("large.css", 320_000)):
            first = client.get(static.url(name))
            assert (first.status, len(first.body)) == (200, size)
            again = client.get(static.url(name), headers={"if-none-match": first.headers["etag"]})
            assert (again.status, again.body) == (304, b"")
            assert client.get(f"/static/{name}").headers["cache-control"] == "no-cache"
            assert client.head(static.url(name)).headers["content-length"] == str(size)
        part = client.get(static.url("large.css"), headers={"range": "bytes=4-7"})
        assert (part.status, part.text) == (206, "b {}")


def test_memory_has_its_bound(write: Write) -> None:
    names = [f"{number}.png" for number in range(140)]
    app, static = served(write(dict.fromkeys(names, "x" * 250_000)))
    with Client(app) as client:
        urls = [static.url(name) for name in names]
        write(dict.fromkeys(names, "new"))
        held = [url for url in urls if client.get(url).text != "new"]
    assert 120 < len(held) < 140


def test_comments_refer_to_nothing_and_maps_need_not_be_there(write: Write) -> None:
    css = "/* url(old.png)\n */ a { b: url('a b.png') }\n/*# sourceMappingURL=gone.map */"
    js = "// import x from './old.js'\n/** {import('./types').Foo} */ const u = 'https://a/b'; import './real.js'\n"
    js += "new URL('./x.wasm', import.meta.url); import(`./y.js`)\n//# sourceMappingURL=gone.map"
    minified = '@import"base.css";a{}'
    files: dict[str, str | bytes] = {"a.css": css, "a b.png": "1", "a.js": js, "real.js": "", "x.wasm": "w", "y.js": ""}
    app, static = served(write(files | {"m.css": minified, "base.css": ""}))
    assert static.files.lost == ()
    client, unique = Client(app), {name: each.unique for name, each in static.files.by_name.items()}
    assert f"url('{quote(unique['a b.png'])}')" in client.get(static.url("a.css")).text
    script = client.get(static.url("a.js")).text
    assert f"import './{unique['real.js']}'" in script and f"import(`./{unique['y.js']}`)" in script
    assert f"new URL('./{unique['x.wasm']}', import.meta.url)" in script
    assert client.get(static.url("m.css")).text == f'@import"{unique["base.css"]}";a{{}}'


@pytest.mark.parametrize(
    ("name", "text", "other"),
    [
        ("a.js", 'await fetch("/x", {headers: {accept: "*/*"}});\nawait import("./b.js");\n/* */\n', "b.js"),
        ("a.js", 'const types = "image/*";\nimport "./b.js";\n/* */\n', "b.js"),
        ("a.js", 'const s=new WebSocket(`${p}//${location.host}/ws`);const m=await import("./b.js");\n', "b.js"),
        ("a.js", '// import "./b.js"\n', "b.js"),
        ("a.js", "1;\n//# sourceMappingURL=gone.map\n2;\n//# sourceMappingURL=a.js.map", "a.js.map"),
        ("a.css", 'a::before{content:"/*"} b{background:url(p.svg)} c::after{content:"*/"}', "p.svg"),
        ("a.css", "/* url(p.svg) */", "p.svg"),
    ],
)
def test_what_is_rewritten_is_followed_whatever_stands_around_it(
    write: Write, name: str, text: str, other: str
) -> None:
    told = []
    for content in ("1", "2"):
        app, static = served(write({name: text, other: content}))
        url = static.url(name)
        told.append((url, Client(app).get(url).text))
        assert static.url(other).rpartition("/")[2] in told[-1][1]
    assert told[0][1] != told[1][1] and told[0][0] != told[1][0], "browsers keep it for a year under its name"


def test_a_link_to_what_is_hidden_or_made_later_is_not_followed(write: Write, tmp_path: Path) -> None:
    folder = write({"a.txt": "a", "b.txt": "b", ".git/config": "token"})
    (folder / "x.txt").symlink_to(folder / ".git" / "config")
    (tmp_path / "secret").write_text("secret")
    app, static = served(folder)
    with Client(app) as client:
        assert client.get("/static/x.txt").status == 404
        url = static.url("a.txt")
        (folder / "a.txt").unlink()
        (folder / "a.txt").symlink_to(tmp_path / "secret")
        assert client.get("/static/a.txt").status == 404
        assert client.get(url).text == "a"  # From memory, as it was.


def test_changes_are_seen_in_development_only(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"a.css": "first"})
    app, static = served(folder)
    with Client(app) as client:
        before = static.url("a.css")
        write({"a.css": "second", "b.css": "new"})
        assert static.url("a.css") == before
        monkeypatch.setenv("WHOLESTACK_STAGE", "development")
        assert static.url("a.css") != before and static.url("b.css")
        assert client.get(static.url("a.css")).text == "second"


def test_bytes_that_are_no_text_and_a_folder_that_is_not_there(write: Write, tmp_path: Path) -> None:
    app, static = served(write({"odd.css": b"\xff\xfe a { url(x.png) }"}))
    assert Client(app).get(static.url("odd.css")).body == b"\xff\xfe a { url(x.png) }"
    empty, none = served(tmp_path / "nowhere")
    assert none.files.by_name == {} and Client(empty).get("/static/a.css").status == 404


def test_built_files_are_packed_and_sent(write: Write, tmp_path: Path, interface: Any) -> None:
    large = "b { margin: 0 }\n" * 20_000
    folder = write({"css/app.css": "body { margin: 0 }\n" * 100, "a.png": b"\x89PNG" * 100, "small.css": "a {}"})
    write({"large.css": large})
    _, static = served(folder)
    assert build(static, str(tmp_path / "out")) == 4
    out = tmp_path / "out"
    manifest = json.loads((out / "static-names.json").read_text())
    assert manifest == {name: each.unique for name, each in static.files.by_name.items()}
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    sheet = manifest["css/app.css"]
    packed = {each + ending for each in (sheet, manifest["large.css"]) for ending in (".gz", ".br", ".zst")}
    assert names == {"static-names.json", *manifest, *manifest.values(), *packed}
    assert gzip.decompress((out / f"{sheet}.gz").read_bytes()) == (folder / "css/app.css").read_bytes()

    app, built = served(folder, built=str(out))
    with Client(app, interface=interface) as client:
        for accepted, coding in {
            "gzip": "gzip",
            "br, gzip": "br",
            "gzip, zstd, br": "zstd",
            "*": "zstd",
            "zstd;q=0, br;q=0.5": "br",
        }.items():
            answer = client.get(built.url("css/app.css"), headers={"accept-encoding": accepted})
            assert answer.headers["content-encoding"] == coding
            assert answer.headers["content-type"] == "text/css; charset=utf-8"
            assert "accept-encoding" in answer.headers["vary"]
            assert answer.headers["content-disposition"] == "inline"
        for accepted in ("", "identity", "deflate", "gzip;q=0"):
            answer = client.get(built.url("css/app.css"), headers={"accept-encoding": accepted})
            assert "content-encoding" not in answer.headers and len(answer.body) == 1900
            assert "accept-encoding" in answer.headers["vary"]
        assert "vary" not in client.get(built.url("a.png")).headers
        answer = client.get(built.url("large.css"), headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip" and gzip.decompress(answer.body).decode() == large
        assert "content-encoding" not in client.get(built.url("large.css")).headers
        # What was built before is not what is there now.
    write({"small.css": "b {}"})
    app, newer = served(folder, built=str(out))
    assert Client(app).get(newer.url("small.css")).text == "b {}"


def test_a_second_build_keeps_what_pages_may_still_ask_for(write: Write, tmp_path: Path) -> None:
    folder, out = write({"a.css": "first"}), tmp_path / "out"
    _, static = served(folder)
    build(static, str(out))
    old = static.files.by_name["a.css"].unique
    write({"a.css": "second"})
    _, static = served(folder)
    build(static, str(out))
    assert (out / old).read_text() == "first"
    app, _ = served(folder, built=str(out))
    answer = Client(app).get(f"/static/{old}")
    assert (answer.text, answer.headers["cache-control"]) == ("first", "public, max-age=31536000, immutable")
    for name in ("static-names.json", "a.000000000000.css", "../a.css", "..%2ffiles%2fa.css"):
        assert Client(app).get(f"/static/{name}").status in {400, 404}
    assert (out / static.files.by_name["a.css"].unique).read_text() == "second"
    assert not [each for each in os.listdir(out) if each.endswith(".part")]


def test_a_file_of_the_set_may_be_called_manifest(write: Write, tmp_path: Path) -> None:
    """Web applications have one of that name (W3C Web Application Manifest)."""
    _, static = served(write({"manifest.json": '{"name": "Shop"}'}))
    build(static, str(tmp_path / "out"))
    assert (tmp_path / "out" / "manifest.json").read_text() == '{"name": "Shop"}'


def test_scripts_import_by_name(write: Write, tmp_path: Path, interface: Any) -> None:
    files: dict[str, str | bytes] = {
        "vendor/lit.js": "export const a = 1;",
        "js/a.js": "import 'lit';",
        "js/b/c.js": "",
    }
    app, static = served(write(files), modules={"lit": "vendor/lit.js", "app/": "js/", "</script>": "js/a.js"})
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.html").write_text("{{ import_map(nonce) }}")
    (tmp_path / "pages" / "plain.html").write_text("{{ import_map() }}")
    app.use(Templates(str(tmp_path / "pages")))

    @app.get("/")
    def shown() -> Page:
        return Page("page.html")

    @app.get("/streamed")
    def streamed() -> Page:
        return Page("page.html", stream=True)

    @app.get("/plain")
    def plain() -> Page:
        return Page("plain.html")

    with Client(app, interface=interface) as client:
        for path in ("/", "/streamed"):
            answer = client.get(path)
            found = re.fullmatch(r'<script type="importmap" nonce="([\w-]+)">(.*)</script>', answer.text)
            assert found is not None
            assert f"script-src 'self' 'nonce-{found[1]}'" in answer.headers["content-security-policy"]
            assert json.loads(found[2]) == {
                "imports": {
                    "lit": static.url("vendor/lit.js"),
                    "app/a.js": static.url("js/a.js"),
                    "app/b/c.js": static.url("js/b/c.js"),
                    "</script>": static.url("js/a.js"),
                }
            }
        answer = client.get("/plain")
        assert answer.text.startswith('<script type="importmap">{') and answer.text.count("</script>") == 1
        assert "nonce" not in answer.headers["content-security-policy"]
    _, wrong = served(tmp_path / "files", modules={"lit": "lit.js", "app/": "none/"})
    app = App(docs=False)
    app.use(wrong)
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["no-static-file", "no-static-file"]
