"""Settings: a typed class that is filled from the environment once, and then passed by hand.

Here belongs how a field is found in the environment, read and checked, how all that is wrong is told in one report
(`_settings`), and what the app's secret signs and encrypts with (`_signing`).
Never here: a global that holds settings, files of settings, or what an app does with them. A call flows so:
`Shop.read()` takes the field's name, or the file that `NAME_FILE` names, parses JSON where the field holds more than
one value, and lets Pydantic check. Nothing in the core needs it: the front door has its names when somebody asks.
"""

from ._settings import Secret, Settings
from ._signing import NAME as SECRET_NAME
from ._signing import SHORTEST as SHORTEST_SECRET
from ._signing import Given as GivenSecret
from ._signing import SigningKeys

__all__ = ["SECRET_NAME", "SHORTEST_SECRET", "GivenSecret", "Secret", "Settings", "SigningKeys"]
