from pathlib import Path

from wholestack import App
from wholestack.languages import Languages


def test_no_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid "Notes"\nmsgstr "Notizen"\n')
    app = App()
    app.use(Languages("en", "de", "fr", folder=str(tmp_path)))
    app.seal()
    (fault,) = [fault for check in app.checks for fault in check()]
    assert fault.code == "no-catalogue" and "language fr" in fault.message
