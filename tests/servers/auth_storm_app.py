"""An app with login that storms come over: hashes that cost what they cost, in a process of its own."""

from __future__ import annotations

import os
from typing import Any

from auth.site import Base, User
from wholestack import App
from wholestack.auth import Auth, Throttle
from wholestack.db import Database
from wholestack.mail import Mailing
from wholestack.middleware import SecurityHeaders

app = App(title="The site", docs=False)
# As if each try came from somewhere else and was of another account: what counts tries does not help then.
often: Any = {"free": 1_000_000}
patient = Throttle(pair=often, account=often, address=often, device=often)
app.use(
    Database(os.environ["STORM_DATABASE"], models=Base, migrations=None),
    Mailing("site@example.org", "memory:", base_url="http://testserver"),
    Auth(User, throttle=patient if os.environ.get("STORM_PATIENT") else Throttle()),
    SecurityHeaders(),
)


@app.get("/ping")
async def ping() -> str:
    return "pong"
