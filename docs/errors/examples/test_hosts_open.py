from wholestack import App
from wholestack.middleware import AllowedHosts

app = App()
app.use(AllowedHosts("*"))


def test_hosts_open() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["hosts-open"]
