from pathlib import Path

import pytest

from wholestack import App
from wholestack.mail import Mailing, NoBaseURL
from wholestack.templates import Templates


def test_no_base_url(tmp_path: Path) -> None:
    (tmp_path / "confirm.txt").write_text("{% block subject %}Hi{% endblock %}{{ url_for('confirm') }}")
    app, mailing = App(), Mailing("shop@example.com")
    app.use(Templates(str(tmp_path)), mailing)

    @app.get("/confirm")
    def confirm() -> None: ...

    app.seal()
    with pytest.raises(NoBaseURL, match="base_url="):
        mailing.compose("confirm", to="zoe@example.org")
