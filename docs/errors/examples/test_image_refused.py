import pytest

from wholestack.files import ImageRefused, cleaned


def test_image_refused() -> None:
    with pytest.raises(ImageRefused, match="no picture that can be read"):
        cleaned(b"\x89PNG\r\n\x1a\n and nothing more")
