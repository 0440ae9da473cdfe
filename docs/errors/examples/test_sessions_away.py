from wholestack import App
from wholestack.cache import RedisStore
from wholestack.sessions import BrowserSession, CacheSessions, Sessions
from wholestack.testing import Client

app = App()
app.use(Sessions(CacheSessions(RedisStore("redis://127.0.0.1:1/0"))))


@app.get("/")
def home(session: BrowserSession) -> str:
    return session.user or "nobody"


def test_sessions_away() -> None:
    with Client(app, cookies={"session": "x" * 43}) as client:
        answer = client.get("/").expect(503)
        assert answer.json()["code"] == "sessions-away" and answer.headers["retry-after"]
