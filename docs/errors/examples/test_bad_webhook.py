import pytest

from wholestack import App, Router, SetupError
from wholestack.openapi import OpenAPI


def test_bad_webhook() -> None:
    webhooks = Router()

    @webhooks.post("/films/{id}/added")
    def film_added(title: str) -> None: ...

    app = App()
    app.use(OpenAPI(webhooks=webhooks))
    with pytest.raises(SetupError, match="bad-webhook"):
        app.seal()
