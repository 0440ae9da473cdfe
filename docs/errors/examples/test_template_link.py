from pathlib import Path

from wholestack import App
from wholestack.templates import Page, Templates


def test_template_link(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("{{ url_for('posts') }}")
    app = App()
    app.use(Templates(str(tmp_path)))

    @app.get("/")
    def index() -> Page:
        return Page("a.html")

    app.seal()
    faults = [fault for check in app.checks for fault in check()]
    assert [fault.code for fault in faults] == ["template-link"]
