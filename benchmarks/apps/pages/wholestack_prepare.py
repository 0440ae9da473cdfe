"""Before Wholestack's servers start: its static files built, its tables, and its accounts."""

from apps.pages.data import folder
from wholestack.static import Static, build

build(Static(folder("source")), folder("wholestack"))

from apps.pages import wholestack_members  # noqa: E402 - it looks for what was built
from apps.pages.wholestack_shared import application, database  # noqa: E402

application().seal()
database.create_tables()
wholestack_members.prepare()
