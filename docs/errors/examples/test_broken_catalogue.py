from pathlib import Path

import pytest

from wholestack import App, SetupError
from wholestack.languages import Languages


def test_broken_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid "Hello, %(name)s!"\nmsgstr "Hallo, %(nmae)s!"\n')
    app = App()
    app.use(Languages("en", "de", folder=str(tmp_path)))
    with pytest.raises(SetupError, match=r"messages\.po:1: .*'nmae', which its text does not give"):
        app.seal()
