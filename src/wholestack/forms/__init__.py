"""Forms from types: a model is the API's schema, the page's form, its checks in the browser and the errors beside it.

Here belongs how a form is shown and shown again: the fields of a model with what each holds and what is wrong with it
(`_view`, `_field`, `_html`, `_hidden`), which input a type is (`_spec`, `_widget`, `_pattern`, `_step`; `_lost` has
those that do not fit), what it shows (`_values`), in which words (`_words`), buttons for rows (`_rows`), what a
database's model adds (`_columns`, `_related`, `_conflict`), and the way back to a form's page (`_again`, `_plugin`).
Never here: how a form is read, which is the core's and
`encoding`'s; a page of its own, a session. A call flows so: when the app is sealed, each handler that takes a
`Form[Model]` is joined with the page that has a `FormView[Model]`. On faults the page's plan answers in the form's
request, and its `FormView` carries what was typed.
"""

from ._columns import form_of
from ._error import FormError, check_choice
from ._field import Field
from ._plugin import Forms, by_itself
from ._view import FormView
from ._widget import Color, Widget

__all__ = ["Color", "Field", "FormError", "FormView", "Forms", "Widget", "by_itself", "check_choice", "form_of"]
