from wholestack import App
from wholestack.middleware import TrustedProxies

app = App()
app.use(TrustedProxies("0.0.0.0/0"))


def test_proxies_open() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["proxies-open"]
