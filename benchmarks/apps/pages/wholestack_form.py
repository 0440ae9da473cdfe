"""The model of the form for Wholestack: labels and widgets stand where the constraints stand."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from apps.pages.data import EMAIL, LABELS, TOPICS
from wholestack.forms import Widget


class Feedback(BaseModel):
    name: Annotated[str, Field(title=LABELS["name"], min_length=1, max_length=80)]
    email: Annotated[str, Field(title=LABELS["email"], pattern=EMAIL), Widget("email")]
    age: Annotated[int, Field(title=LABELS["age"], ge=18, le=120)]
    topic: Annotated[
        Literal["bug", "idea", "praise", "other"],
        Field(title=LABELS["topic"]),
        Widget("select", choices=list(TOPICS.items())),
    ]
    message: Annotated[str, Field(title=LABELS["message"], min_length=1, max_length=2000), Widget("textarea")]
