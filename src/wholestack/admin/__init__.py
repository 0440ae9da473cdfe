"""The admin: a back office over the app's models, for people who are not programmers.

Here belongs how a model is shown and worked with by staff, room by room:

- what a program says of it (`_view`), and what is found out of it when the app is sealed (`_resource`, `_references`);
- what all rooms use: rows by the text of their keys (`_keys`), values as cells (`_cells`, `_kinds`), what a person may
  (`_access`), what the handlers of a model share (`_desk`, `_typed`, `_tenants`);
- lists: their pages (`_listing`, `_list_pages`, `_list_edits`, `_saved_views`) and which rows they have (`_list_query`,
  `_filters`, `_related`, `_dates`, `_inputs`, `_together`, `_search`, `_paths`, `_count`, `_facets`);
- rows: their pages (`_row_pages`, `_delete_pages`), their form (`_form`, `_form_state`, `_inline`, `_choosing`), how
  it is taken (`_rows`, `_reading`, `_saving`; `_parking`: unique values that rows take from each other);
- history: what was done by whom (`_history`, `_record`, `_changes`, `_history_pages`, `_inline_history`,
  `_change_pages`, `_tracked`), what a deletion takes with it, and having it back (`_deletion`, `_cascade`, `_soft`;
  `_kept`: with its files);
- many rows at once: actions (`_actions`, `_action_*`), the jobs that they become (`_jobs`, `_job_*`), exports
  (`_export*`, `_matching`, `_sheets`) and imports (`_import_*`);
- the house around them: the frame (`_frame`, `_theme`, `_assets`, `pages`), the first page with its cards
  (`_site_pages`, `_cards`, `_charts`), the search over all models (`_everywhere`), pages of one's own (`_own_pages`),
  the door (`_guard`), what is told where something is wrong (`_error_pages`), and the plugin that joins all of it to
  an app (`_plugin`).

Never here: what a user is, which rules there are, how a form is read, SQL of a dialect. A call flows so: a route of a
resource asks for the `Identity` and a session, as any handler; `Access` says which rows and fields this person has, and
every query begins with its select; a change is written to the history in the same transaction. What it can do, the
plugin of anybody can: it stands on the verbs of `App` alone.
"""

from ._access import Access
from ._actions import Action, Selection, action
from ._cards import Bars, Donut, Line, Number, TableOf
from ._filters import Filter
from ._history import HistoryOptions
from ._inline import Inline
from ._kinds import badge, link, mail, thumbnail
from ._plugin import Admin
from ._soft import SoftDeletes
from ._view import AdminView, FieldRule, column

__all__ = [
    "Access",
    "Action",
    "Admin",
    "AdminView",
    "Bars",
    "Donut",
    "FieldRule",
    "Filter",
    "HistoryOptions",
    "Inline",
    "Line",
    "Number",
    "Selection",
    "SoftDeletes",
    "TableOf",
    "action",
    "badge",
    "column",
    "link",
    "mail",
    "thumbnail",
]
