from wholestack import App, Cookie
from wholestack.cache import Caching, cached


def test_cached_user() -> None:
    app = App()
    app.use(Caching())

    @app.get("/basket")
    @cached(ttl=60)
    def basket(visitor: Cookie[str] = "") -> str:
        return f"the basket of {visitor}"

    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["cached-user"]
