"""Pictures: decoded and written anew, so that nothing but the picture is kept, and never more of it than was agreed."""

from __future__ import annotations

import dataclasses
import importlib
import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ._errors import ImageRefused, PackageMissing

Size = tuple[int, int]
"""A width and a height, in pixels, that a picture is to fit in."""
PIXELS = 25_000_000
"""Pixels of a picture, in all its frames, where nothing else is said; decoded they take 4 bytes each."""
_SIDE = 32_767  # Decoders have had faults beyond.
_FORMATS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "PNG": ("image/png", {}),
    "JPEG": ("image/jpeg", {"quality": 85}),
    "GIF": ("image/gif", {}),
    "WEBP": ("image/webp", {"quality": 85}),
    "AVIF": ("image/avif", {"quality": 70}),
}
_MOVING = {"PNG", "GIF", "WEBP", "AVIF"}
_FRAMES = 1000
_LONGEST = 65_535  # Milliseconds of a frame.


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture that was written anew.

    Attributes:
        content: its bytes.
        media_type: their type; that of what came in.
        width: in pixels.
        height: in pixels.
        variants: the bytes of its other sizes, by their names.
    """

    content: bytes
    media_type: str
    width: int
    height: int
    variants: Mapping[str, bytes]


def cleaned(file: BinaryIO | bytes, *, sizes: Mapping[str, Size] | None = None, pixels: int = PIXELS) -> Picture:
    """A picture, decoded and written anew: upright, in the colours of the web, with nothing else that lay in its file.

    Blocks, and takes as much memory as its pixels do: in `async def` use ``files.save_image(…)``.

    Arguments:
        file: PNG, JPEG, GIF, WebP or AVIF, as bytes or as an open binary file.
        sizes: other sizes, each to fit in a width and a height; none is larger than the picture.
        pixels: in all its frames, at most.

    Raises:
        ImageRefused: it cannot be decoded, or has more pixels; that is told by its first bytes, before it is decoded.
        PackageMissing: Pillow is not installed.
    """
    imaging = _package("Image")
    opened = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        with imaging.open(opened, formats=list(_FORMATS)) as image:
            _check(image, pixels)
            return _written(image, pixels, sizes or {})
    except ImageRefused:
        raise
    except (imaging.DecompressionBombError, imaging.DecompressionBombWarning):
        raise _too_many(pixels) from None
    except Exception as error:  # Decoders raise whatever a broken file leads them to.
        raise ImageRefused("This is no picture that can be read.") from error


def _package(name: str) -> Any:
    try:
        return importlib.import_module(f"PIL.{name}")
    except ImportError:
        raise PackageMissing("A picture", "Pillow", "images") from None


def _too_many(pixels: int) -> ImageRefused:
    return ImageRefused(f"A picture here has at most {pixels:,} pixels.")


def _check(image: Any, pixels: int) -> None:
    """Refuse what is too much, by what the file's beginning says."""
    width, height = image.size
    # A GIF would be read to its end to count its frames; they are counted as they are decoded.
    frames = 1 if image.format == "GIF" else int(getattr(image, "n_frames", 1))
    if width * height * (frames if image.format in _MOVING else 1) > pixels or max(width, height) > _SIDE:
        raise _too_many(pixels)


def _written(image: Any, pixels: int, sizes: Mapping[str, Size]) -> Picture:
    # MPO: a photo with a second one behind it, as telephones write.
    form = "JPEG" if image.format == "MPO" else image.format
    kind, options = _FORMATS[form]
    durations: list[int] = []
    shown = list(_frames(image, form, pixels, durations))
    if len(shown) > 1:
        loop = {"loop": int(image.info.get("loop", 0))} if "loop" in image.info or form != "GIF" else {}
        options = {**options, "save_all": True, "append_images": shown[1:], "duration": durations, **loop}
    content = _bytes(shown[0], form, options)
    # Other sizes stand still: they are for lists.
    variants = {name: _bytes(_fitted(shown[0], size), form, _FORMATS[form][1]) for name, size in sizes.items()}
    return Picture(content, kind, shown[0].width, shown[0].height, variants)


def _frames(image: Any, form: str, pixels: int, durations: list[int]) -> Iterator[Any]:
    for number in range(_FRAMES):
        try:
            image.seek(number)
        except EOFError:
            return
        if image.width * image.height * (number + 1) > pixels:
            raise _too_many(pixels)
        yield _plain(image, form)
        durations.append(min(_LONGEST, max(0, int(image.info.get("duration", 100)))))
        if form not in _MOVING:
            return
    raise ImageRefused(f"A picture that moves has at most {_FRAMES:,} frames here.")


def _plain(image: Any, form: str) -> Any:
    """The pixels alone: turned as the camera was held, in sRGB, in a mode that the format has."""
    image.load()
    # A photo is large, and not copied where that can be helped; what moves is one object for all its frames.
    alone = form == "JPEG"
    image = _package("ImageOps").exif_transpose(image, in_place=alone) or image
    image = _in_srgb(image)
    mode = "RGB" if form == "JPEG" else "RGBA" if _is_transparent(image) else "RGB"
    if image.mode == "L":
        mode = "L" if form in {"JPEG", "PNG"} and not _is_transparent(image) else mode
    plain = image if alone and image.mode == mode else image.convert(mode)
    plain.info = {}
    return plain


def _is_transparent(image: Any) -> bool:
    return image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info


def _in_srgb(image: Any) -> Any:
    """In the colours that a picture without a profile is shown in, since the profile goes."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
        return image
    colours = _package("ImageCms")
    try:
        source = colours.getOpenProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return colours.profileToProfile(image, source, colours.createProfile("sRGB"), outputMode=mode) or image
    except (colours.PyCMSError, OSError, ValueError):
        return image  # A profile that cannot be read is none.


def _fitted(image: Any, size: Size) -> Any:
    ratio = min(size[0] / image.width, size[1] / image.height, 1)
    fitting = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
    return image.resize(fitting, reducing_gap=3.0)


def _bytes(image: Any, form: str, options: Mapping[str, Any]) -> bytes:
    if form == "GIF":
        options = {**options, "optimize": False}
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()
