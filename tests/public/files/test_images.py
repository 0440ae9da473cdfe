"""Pictures: written anew, with nothing in them but the picture, and refused before they cost anything."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageCms, features

from wholestack import App, Upload
from wholestack.files import Files, FileStore, FileTooLarge, ImageRefused, MemoryStorage, StoredFile, cleaned
from wholestack.testing import Client

KEY = "a key that nobody can guess"
SECRET = b"taken at home"
Colour = Callable[[Any], Any]


def drawn(size: tuple[int, int] = (60, 40), mode: str = "RGB", form: str = "PNG", **options: Any) -> bytes:
    image = Image.new(mode, size)
    image.paste(Image.new(mode, (size[0] // 2, size[1]), "red" if mode.startswith("RGB") else None))
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def opened(content: bytes) -> Any:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def header(width: int, height: int) -> bytes:
    """A PNG that says it is so large; what would be its pixels is not there."""
    about = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + about
    data = b"IDAT" + zlib.compress(b"\x00" * 100)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    )  # fmt: skip


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_written_anew(form: str) -> None:
    before = drawn(form=form)
    picture = cleaned(before + SECRET + b"<script>alert(1)</script>")
    after = opened(picture.content)
    assert (after.format, after.size, picture.media_type) == (form, (60, 40), f"image/{form.lower()}")
    assert (picture.width, picture.height) == (60, 40)
    assert SECRET not in picture.content and b"script" not in picture.content
    red, black = after.convert("RGB").getpixel((10, 20)), after.convert("RGB").getpixel((50, 20))
    assert red[0] > 200 and red[1] < 60 and max(black) < 60
    assert features.check("avif") and features.check("webp")


def test_nothing_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x0112] = 6  # Held upright: turned by a quarter.
    found = cleaned(drawn(form="JPEG", exif=exif, comment=SECRET))
    assert SECRET not in found.content and b"Exif" not in found.content
    assert (found.width, found.height) == (40, 60)
    assert opened(found.content).convert("RGB").getpixel((20, 10))[0] > 200
    info = Image.new("RGB", (2, 2))
    target = io.BytesIO()
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Comment", SECRET.decode())
    info.save(target, "PNG", pnginfo=notes)
    assert SECRET in target.getvalue()
    assert SECRET not in cleaned(target.getvalue()).content


def test_colours_are_those_of_the_web() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = cleaned(drawn(form="JPEG", icc_profile=profile))
    assert "icc_profile" not in opened(found.content).info
    assert opened(found.content).getpixel((10, 20))[0] > 200
    cleaned(drawn(form="JPEG", icc_profile=b"no profile at all" * 10))
    assert opened(cleaned(drawn(mode="CMYK", form="JPEG")).content).mode == "RGB"


@pytest.mark.parametrize(("mode", "form", "expected"), [
    ("RGBA", "PNG", "RGBA"), ("LA", "PNG", "RGBA"), ("P", "PNG", "RGB"), ("1", "PNG", "RGB"), ("I;16", "PNG", "RGB"),
    ("L", "PNG", "L"), ("L", "JPEG", "L"), ("RGBA", "WEBP", "RGBA"), ("L", "GIF", "RGB"),
])  # fmt: skip
def test_modes(mode: str, form: str, expected: str) -> None:
    image = Image.new(mode, (4, 4))
    target = io.BytesIO()
    image.save(target, form)
    after = opened(cleaned(target.getvalue()).content)
    # WebP keeps no transparency that nothing of it uses, GIF has a palette.
    assert after.mode in {expected, "P", "RGB" if form == "WEBP" else expected}


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_what_moves_goes_on_moving(form: str) -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "green", "blue")]
    target = io.BytesIO()
    frames[0].save(target, form, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=2)
    after = Image.open(io.BytesIO(cleaned(target.getvalue(), sizes={"small": (5, 5)}).content))
    assert (after.n_frames, after.info["loop"]) == (3, 2)
    after.seek(1)
    assert after.convert("RGB").getpixel((5, 5))[1] > 100
    with pytest.raises(ImageRefused, match="at most 299 pixels"):
        cleaned(target.getvalue(), pixels=299)


def test_a_film_of_too_many_frames() -> None:
    frames = [Image.new("L", (1, 1), number % 250) for number in range(1100)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], duration=20)
    with pytest.raises(ImageRefused, match="1,000 frames"):
        cleaned(target.getvalue())


def test_sizes() -> None:
    found = cleaned(drawn((600, 300)), sizes={"small": (100, 100), "large": (9000, 9000)})
    assert opened(found.variants["small"]).size == (100, 50)
    assert opened(found.variants["large"]).size == (600, 300)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\x89PNG\r\n\x1a\n", drawn()[:60], drawn(form="JPEG")[:300], b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
     drawn(form="WEBP")[:40], b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", drawn(form="TIFF"), drawn(form="BMP"),
     header(100, 100), b"<svg width='1' height='1'/>"],
)  # fmt: skip
def test_what_is_no_picture(content: bytes) -> None:
    with pytest.raises(ImageRefused):
        cleaned(content)


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (60_000, 1), (10_000, 6_000), (5_001, 5_000), (0x7FFFFFFF, 0x7FFFFFFF)]
)
def test_too_many_pixels(size: tuple[int, int]) -> None:
    with pytest.raises(ImageRefused, match="at most 25,000,000 pixels"):
        cleaned(header(*size))


def test_saved_in_an_app(colour: Colour) -> None:
    storage = MemoryStorage()
    app = App(docs=False)
    app.use(Files(storage, key=KEY))

    def add(photo: Upload, files: FileStore) -> StoredFile:
        return files.save_image(photo, sizes={"small": (100, 100)}, largest="100 kB", pixels=1_000_000)

    def url(name: str, files: FileStore) -> list[str]:
        stored = StoredFile(name, "a.png", "image/png", 1, "", ("small",))
        return [files.url(stored), files.url(stored, variant="small")]

    def gone(name: str, files: FileStore) -> None:
        files.delete(StoredFile(name, "a.png", "image/png", 1, "", ("small",)))

    app.post("/")(colour(add))
    app.get("/{name}")(colour(url))
    app.delete("/{name}")(colour(gone))
    client = Client(app)
    stored = client.post("/", files={"photo": ("sea.jpg", drawn((600, 300)) + SECRET, "text/html")}).expect(200).json()
    assert (stored["filename"], stored["width"], stored["variants"]) == ("sea.jpg", 600, ["small"])
    assert len(storage) == 2
    whole, small = client.get(f"/{stored['name']}").json()
    assert opened(client.get(whole).body).size == (600, 300)
    answer = client.get(small)
    assert opened(answer.body).size == (100, 50)
    assert answer.headers["content-type"] == "image/png"
    for content, code in (
        (b"<html>", "file-type-refused"),
        (drawn()[:100], "image-refused"),
        (header(2000, 2000), "image-refused"),
        (drawn() + bytes(100_000), "file-too-large"),
    ):
        assert client.post("/", files={"photo": ("a.png", content, "image/png")}).json()["code"] == code
    assert len(storage) == 2
    client.delete(f"/{stored['name']}").expect(204)
    assert len(storage) == 0


def test_names_of_sizes() -> None:
    app = App(docs=False)
    app.use(Files(MemoryStorage(), key=KEY))
    files = app.plugin(Files).store()
    with pytest.raises(ValueError, match="small letters"):
        files.save_image(drawn(), sizes={"../x": (1, 1)})
    with pytest.raises(FileTooLarge):
        files.save_image(drawn(), largest=10)
    stored = files.save_image(drawn(), filename="\x00a.png")
    assert stored.filename == "a.png"
    with pytest.raises(LookupError, match="no variant"):
        files.url(stored, variant="small")
