from pathlib import Path

from wholestack import App, File
from wholestack.testing import Client

app = App()


@app.get("/source")
def source() -> File:
    return File(Path(__file__))


def test_a_range_past_the_end() -> None:
    answer = Client(app).get("/source", headers={"range": "bytes=1000000-"})
    assert (answer.status, answer.json()["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == f"bytes */{Path(__file__).stat().st_size}"
