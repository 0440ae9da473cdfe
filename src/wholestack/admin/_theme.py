"""How the admin looks in a house of its own: its colour, its sign, and what each reader prefers."""

from __future__ import annotations

import mimetypes
import os
import re

from wholestack.templates import Asset

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_READABLE = 5.0
"""Contrast that a colour of text has at least; WCAG 2.2 asks for 4.5 (SC 1.4.3), on two grounds that differ a little.
"""
_LIGHT, _DARK = "#f3f5f8", "#1f242a"
"""The darkest ground of a light page, and the lightest of a dark one, as the style sheet has them."""
_STEPS = 50
_LARGEST_LOGO = 512 * 1024

Colour = tuple[float, float, float]


def colour(text: str) -> Colour:
    """A colour's red, green and blue, each from 0 to 1.

    Raises:
        ValueError: it is not written as ``"#0b57a4"``.

    Example:
        >>> colour("#ff0080")[:2]
        (1.0, 0.0)
    """
    if not _HEX.fullmatch(text):
        raise ValueError(f"{text!r} is no colour: write it as '#0b57a4'.")
    red, green, blue = (int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _text(parts: Colour) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in parts)


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio").

    Example:
        >>> round(contrast(colour("#ffffff"), colour("#000000")))
        21
    """
    lower, higher = sorted((_luminance(one), _luminance(other)))
    return (higher + 0.05) / (lower + 0.05)


def _luminance(parts: Colour) -> float:
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(text: str, ground: str) -> str:
    """A colour as it can be read on a ground: itself, or the nearest shade of it that can.

    Example:
        >>> readable("#0b57a4", "#f3f5f8"), readable("#ffd400", "#f3f5f8")
        ('#0b57a4', '#7a6600')
    """
    asked, behind = colour(text), colour(ground)
    end = 0.0 if _luminance(behind) > 0.5 else 1.0
    for step in range(_STEPS + 1):
        red, green, blue = (each + (end - each) * step / _STEPS for each in asked)
        if contrast((red, green, blue), behind) >= _READABLE:
            return _text((red, green, blue))
    return _text((end, end, end))


def theme(accent: str) -> bytes:
    """The style sheet of a house's colour: in light and in dark as it can be read, with what is written on it.

    Example:
        >>> theme("#7a1f5c").decode().splitlines()[2].strip()
        '--accent: light-dark(#7a1f5c, #b786a7);'
    """
    light, dark = readable(accent, _LIGHT), readable(accent, _DARK)
    on = [_on(light), _on(dark)]
    return (
        "@layer wholestack {\n  :root {\n"
        f"    --accent: light-dark({light}, {dark});\n"
        f"    --on-accent: light-dark({on[0]}, {on[1]});\n"
        f"    --info: light-dark({light}, {dark});\n"
        "  }\n}\n"
    ).encode()


def _on(ground: str) -> str:
    """What is written on a colour."""
    return max("#ffffff", "#101418", key=lambda each: contrast(colour(each), colour(ground)))


def theme_sheet(name: str, accent: str) -> Asset:
    """The sheet as it is served."""
    found = Asset(f"{name}-theme.css", "text/css; charset=utf-8")
    found.fill(theme(accent))
    return found


def logo_of(name: str, path: str) -> Asset:
    """A picture of a house's sign, as it is served.

    Raises:
        ValueError: there is no such picture.
    """
    media_type = mimetypes.guess_type(path)[0] or ""
    if not media_type.startswith("image/") or not os.path.isfile(path):
        raise ValueError(f"There is no picture at {path}.")
    with open(path, "rb") as file:
        content = file.read(_LARGEST_LOGO + 1)
    if len(content) > _LARGEST_LOGO:
        raise ValueError(f"The picture at {path} is larger than {_LARGEST_LOGO // 1024} KB.")
    found = Asset(f"{name}-logo{os.path.splitext(path)[1]}", media_type)
    found.fill(content)
    return found
