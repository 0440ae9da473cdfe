from wholestack import App
from wholestack.middleware import SecurityHeaders

app = App()
app.use(SecurityHeaders(csp={"script-src": "'self' 'unsafe-inline'"}))


def test_policy_open() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["policy-open"]
