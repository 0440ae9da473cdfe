from wholestack import App
from wholestack.auth import AccessRequired, public

app = App(docs=False)
app.use(AccessRequired())
app.get("/about", needs=public)(lambda: "a shop")
app.get("/takings")(lambda: "a lot")


def test_no_rule() -> None:
    app.seal()
    (check,) = [each for each in app.checks if each.__module__ == "wholestack.auth._access"]
    assert [fault.message for fault in check(app)] == ["GET /takings says not who may reach it."]
