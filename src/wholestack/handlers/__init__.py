"""Handlers: the one calling convention, and the plan it is compiled to.

Here belongs how a function's parameters are filled (`_signature`, `_collect`, `_check`, `_body`, `_partial`), what is
provided (`_providers`, `_call`), who may come in (`_rules`), how its value becomes an answer (`_answer`, `_plain`), and
the order of a request's life (`_plan`). Never here: a socket, a server's protocol, an app. A call flows so: when the
app is sealed, `Compiler` turns a route and its `Environment` into a `Plan`; on a request a driver awaits `Plan.answer`.
`wait` and `Drive` (`_drive`) let plain code wait in either colour.
"""

from ._answer import Respond, answer_type, is_response, responder
from ._body import BodyReader, Media, Reads
from ._call import Call, Cell, kind_of
from ._check import JsonBody, body_faults, json_pointer
from ._collect import FormReader, model_fields
from ._compile import Compiler, Environment, error_calls
from ._context import current_request, note_unhandled, unhandled
from ._drive import Drive, background_loop, forget_background_loop, is_driven, run_inline, set_home, suspended, wait
from ._markers import Body, Cookie, Form, Header, Marker, Partial, Query
from ._partial import partial_model
from ._plain import JSONWriter, answer_mismatch, only_plain, plain_encoder
from ._plan import Plan, Step
from ._providers import Provider, Providers, provider_of
from ._rules import Rule, rule, rules_of
from ._signature import Parameter, Surroundings, read_signature
from ._types import hints_of, hints_read_once

__all__ = [
    "Body",
    "BodyReader",
    "Call",
    "Cell",
    "Compiler",
    "Cookie",
    "Drive",
    "Environment",
    "Form",
    "FormReader",
    "Header",
    "JSONWriter",
    "JsonBody",
    "Marker",
    "Media",
    "Parameter",
    "Partial",
    "Plan",
    "Provider",
    "Providers",
    "Query",
    "Reads",
    "Respond",
    "Rule",
    "Step",
    "Surroundings",
    "answer_mismatch",
    "answer_type",
    "background_loop",
    "body_faults",
    "current_request",
    "error_calls",
    "forget_background_loop",
    "hints_of",
    "hints_read_once",
    "is_driven",
    "is_response",
    "json_pointer",
    "kind_of",
    "model_fields",
    "note_unhandled",
    "only_plain",
    "partial_model",
    "plain_encoder",
    "provider_of",
    "read_signature",
    "responder",
    "rule",
    "rules_of",
    "run_inline",
    "set_home",
    "suspended",
    "unhandled",
    "wait",
]
