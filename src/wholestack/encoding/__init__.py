"""Encoding: a handler's value as JSON, and a form as the fields of a model, by the declared type.

Here belongs how values of a declared type become JSON bytes: which of the ways is right for a type and the fastest,
decided when an app is sealed; and how a form's names and texts become what a model is validated from (`_form`, by what
the model's types are there, `_shape`); and which secrets JSON would keep as asterisks (`_secrets`). Never here: plain
values that nobody declared (`wholestack.handlers` writes those), a response. A call flows so: when the app is sealed,
the front door's `App.encoder` asks `encoder` for the function of a return type (`_encoder`), which the plan then
calls. Where msgspec (the extra `fast`) writes the same JSON for all of the type (`_twin` decides), `msgspec.convert`
reads the value into a twin of the type, which checks every leaf and drops what the type does not name, and msgspec
encodes the twin; a long list is proven exact, in C, and encoded as it is (`_proof`). What these refuse, and everything
where there is no msgspec, falls to Pydantic, the oracle (`_oracle`): its serialiser at its strictest, then reading the
value into the declared type, then `AnswerMismatch`.
"""

from ._encoder import encoder
from ._form import form_reader, form_values
from ._secrets import MASK, has_secret, secrets_of
from ._shape import Shape, ShapeField, form_shape, word_of

__all__ = [
    "MASK",
    "Shape",
    "ShapeField",
    "encoder",
    "form_reader",
    "form_shape",
    "form_values",
    "has_secret",
    "secrets_of",
    "word_of",
]
