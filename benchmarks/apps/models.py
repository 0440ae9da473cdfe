"""The order of the `post` workload as Pydantic models, for every application that validates with Pydantic."""

from pydantic import BaseModel, Field


class Customer(BaseModel):
    """Who orders."""

    name: str = Field(min_length=1, max_length=100)
    email: str = Field(max_length=200)


class Address(BaseModel):
    """Where it goes."""

    street: str
    city: str
    zip: str = Field(max_length=10)


class Item(BaseModel):
    """One line of the order."""

    sku: str
    quantity: int = Field(gt=0)
    price: float = Field(ge=0)


class Order(BaseModel):
    """What comes in."""

    customer: Customer
    address: Address
    items: list[Item] = Field(min_length=1)


class Receipt(BaseModel):
    """What goes out."""

    id: int
    count: int
    total: float
