import sys

import pytest

from wholestack import App
from wholestack.languages import Languages, NoBabel


def test_no_babel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "babel", None)  # As where it is not installed.
    app = App()
    app.use(Languages("en", "de"))
    app.seal()
    languages_extract = app.commands[0]
    with pytest.raises(NoBabel, match=r"pip install 'wholestack\[i18n\]'"):
        languages_extract()
