"""Debug: what a developer sees of an app that fails or stands still.

Here belongs what shows an app's insides to the one who writes it: the page for an error, the guard of the event loop.
Never here: a console, or anything else that runs what a request brings; what clients of production see. A call flows
so: `wholestack dev` calls `show_errors` before it seals the app; its middleware (`_errors`) asks who is asking
(`_peer`), takes the error apart (`_frames`, `_values`) and writes the page (`_page`). `LoopGuard` (`_guard`) has a
thread look at the event loop as long as the app lives.
"""

from ._errors import show_errors
from ._guard import LoopGuard

__all__ = ["LoopGuard", "show_errors"]
