"""Pages and links of one's own in the admin's navigation."""

from __future__ import annotations

import dataclasses
from typing import Any

from wholestack import Rule
from wholestack.auth import Identity

from ._cards import asks_identity_alone, passes


@dataclasses.dataclass(frozen=True)
class OwnPage:
    """A way in the navigation that leads to no model.

    Attributes:
        title: its words.
        path: below the admin, where it begins with ``/`` and `outside` is false; else an address.
        icon: one character beside it.
        group: the heading under which it stands.
        rules: who may go there.
        outside: whether it leads out of the admin.
    """

    title: str
    path: str
    icon: str = ""
    group: str = ""
    rules: tuple[Rule, ...] = ()
    outside: bool = False

    def may(self, identity: Identity[Any]) -> bool:
        """Whether a person is shown it; a rule that asks for more than the identity is judged when they go there."""
        known = [each for each in self.rules if all(asks_identity_alone(leaf) for leaf in each.leaves())]
        return all(passes(each, identity) for each in known)
