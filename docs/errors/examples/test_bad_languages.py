import pytest

from wholestack import SetupError
from wholestack.languages import Languages


def test_bad_languages() -> None:
    with pytest.raises(SetupError, match="'de_AT', which is no tag of a language"):
        Languages("en", "de_AT")
    with pytest.raises(SetupError, match="names no time zone"):
        Languages("en", timezone="Mars/Base")
