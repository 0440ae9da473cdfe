from wholestack import App, Limits
from wholestack.testing import Client

app = App(limits=Limits(query_pairs=3))


@app.get("/sum")
def total(n: list[int]) -> int:
    return sum(n)


def test_four_numbers_where_three_may_be() -> None:
    answer = Client(app).get("/sum?n=1&n=2&n=3&n=4")
    assert (answer.status, answer.json()["code"]) == (400, "too-many-query-pairs")
