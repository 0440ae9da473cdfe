from wholestack import App
from wholestack.openapi import VersionHeader
from wholestack.testing import Client

app = App()
app.use(VersionHeader({"1": "/v1", "2": "/v2"}))


@app.get("/v2/films")
def films() -> list[str]:
    return ["The Sea"]


def test_unknown_version() -> None:
    client = Client(app)
    assert client.get("/films", headers={"api-version": "2"}).json() == ["The Sea"]
    assert client.get("/films", headers={"api-version": "3"}).expect(400).json()["code"] == "unknown-version"
    assert client.get("/films").expect(400).json()["code"] == "unknown-version"
