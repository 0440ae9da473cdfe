"""Testing: a client that asks an app in this process, what to ask it with, and what came of it.

Here belongs what a test needs to ask an app and to read its answers: the clients, their cookies, the stand-ins of ASGI,
WSGI and RSGI servers in the process; values of any type, budgets, what was reached, the contract. Never here: anything
that an app needs to run, or that decides how a request is answered. A call flows so: `Client` or `AsyncClient`
(`_client`) takes the app's life (`_life`); the one core of both (`_core`) builds the request (`_sent`, `_body`), adds
cookies (`_cookies`), lets an exchange (`_asgi`, `_wsgi`, `_rsgi`) play the server, reads the answer (`_answer`) and
follows redirects. A WebSocket goes through a peer (`_peers`) to a socket (`_sockets`); events are parsed from a stream
(`_events`). Who asked for it (`_heard`) is told of each answer: a budget (`_budget`, `_calls`), the record of what was
reached (`_reached`). A factory (`_factories`) walks the schema of a type (`_values`, `_amounts`, `_patterns`); a
`Contract` (`_contract`) lets schemathesis ask through a client. `log_in` and `AsUser` (`_login`) begin a session of a
user, and an `Intruder` (`_intruder`) asks every route as somebody else, with rows that were made for it (`_world`).
`replaced` (`_replace`) gives an app in which something else provides a
type. A database of its own (`_databases`) has its migrations applied and taken back (`_migrations`).
"""

from ._answer import Answer, AnswerHead
from ._budget import Spent, budget
from ._client import AsyncClient, AsyncStreamedAnswer, Client, StreamedAnswer, Verbs
from ._contract import Contract
from ._cookies import CookieJar, KeptCookie
from ._databases import fresh_database
from ._errors import (
    BrokenAnswer,
    CannotMake,
    ClientFault,
    OverBudget,
    SchemaDiffers,
    SocketEnded,
    SocketRefused,
    UnexpectedAnswer,
)
from ._events import EventStream, ReceivedEvent
from ._factories import Factory, factory, make
from ._intruder import Hole, Intruder, Intrusion
from ._life import apps_with_clients, end_lives
from ._login import AsUser, log_in
from ._migrations import migrations_there_and_back
from ._reached import Coverage, Gap, Reached
from ._replace import replaced
from ._sent import RequestOptions, SentRequest
from ._sockets import AsyncClientSocket, ClientSocket
from ._world import World

__all__ = [
    "Answer",
    "AnswerHead",
    "AsUser",
    "AsyncClient",
    "AsyncClientSocket",
    "AsyncStreamedAnswer",
    "BrokenAnswer",
    "CannotMake",
    "Client",
    "ClientFault",
    "ClientSocket",
    "Contract",
    "CookieJar",
    "Coverage",
    "EventStream",
    "Factory",
    "Gap",
    "Hole",
    "Intruder",
    "Intrusion",
    "KeptCookie",
    "OverBudget",
    "Reached",
    "ReceivedEvent",
    "RequestOptions",
    "SchemaDiffers",
    "SentRequest",
    "SocketEnded",
    "SocketRefused",
    "Spent",
    "StreamedAnswer",
    "UnexpectedAnswer",
    "Verbs",
    "World",
    "apps_with_clients",
    "budget",
    "end_lives",
    "factory",
    "fresh_database",
    "log_in",
    "make",
    "migrations_there_and_back",
    "replaced",
]
