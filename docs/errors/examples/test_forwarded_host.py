from wholestack import App, Router
from wholestack.middleware import TrustedProxies

app, api = App(), Router(host="api.example.org")
app.use(TrustedProxies("10.0.0.0/8", fields=("for", "proto", "host")))


@api.get("/")
def home() -> str:
    return "the api"


app.include(api)


def test_forwarded_host() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["forwarded-host"]
