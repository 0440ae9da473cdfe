from typing import Annotated

from pydantic import BaseModel, Field

from wholestack import App, Body
from wholestack.testing import Client

app = App()


class Order(BaseModel):
    item: str
    price: Annotated[float, Field(gt=0)]


@app.post("/orders")
def order(orders: Body[list[Order]], express: bool = False) -> int:
    return len(orders)


def test_every_fault_of_every_field() -> None:
    answer = Client(app).post("/orders?express=maybe", json=[{"item": "tea", "price": -1}, {"price": 3}])
    assert (answer.status, answer.json()["code"]) == (422, "validation-failed")
    assert [(fault["in"], fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("query", "/express", "bool_parsing"),
        ("body", "/0/price", "greater_than"),
        ("body", "/1/item", "missing"),
    ]
