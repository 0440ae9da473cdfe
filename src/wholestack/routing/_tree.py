"""The match tree: which table of methods a path leads to.

A path without fields is found by one look-up in a dict. The others walk a tree, a dict look-up a segment, so that the
cost does not grow with the number of routes. At each node a literal goes before a pattern, a pattern before a plain
field, a plain field before a `path` field; only where that choice leads nowhere is the rest searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, TypeVar

from ._path import Segment, Template

Leaf = TypeVar("Leaf")

# In place of a depth: this way ends in the node's `path` field.
_REST = -1


class Node(Generic[Leaf]):
    """One segment deep into the tree."""

    __slots__ = ("literals", "names", "patterns", "plain", "rest", "rest_names", "value")

    def __init__(self) -> None:
        self.literals: dict[str, Node[Leaf]] = {}
        self.patterns: list[tuple[re.Pattern[str], Node[Leaf]]] = []
        self.plain: Node[Leaf] | None = None
        self.value: Leaf | None = None
        self.names: tuple[str, ...] = ()
        self.rest: Leaf | None = None
        self.rest_names: tuple[str, ...] = ()

    def child(self, segment: Segment) -> Node[Leaf]:
        """The node behind a segment, made where it is missing."""
        if segment.literal is not None:
            return self.literals.setdefault(segment.literal, Node())
        if segment.pattern is not None:
            for pattern, node in self.patterns:
                if pattern.pattern == segment.pattern.pattern:
                    return node
            self.patterns.append((segment.pattern, Node()))
            return self.patterns[-1][1]
        if self.plain is None:
            self.plain = Node()
        return self.plain


class Tree(Generic[Leaf]):
    """Paths and what they lead to.

    Example:
        >>> tree = Tree[str](missing="nothing")
        >>> tree.leaf(Template.parse("/items/{id}"), lambda: "an item")
        'an item'
        >>> tree.match("/items/7"), tree.match("/other")
        (('an item', {'id': '7'}), ('nothing', {}))
    """

    def __init__(self, missing: Leaf) -> None:
        self.missing = missing
        self._static: dict[str, Leaf] = {}
        # The commonest path with a field, `/literal/…/{field}`, by what stands before its last slash.
        self._tails: dict[str, tuple[Leaf, str]] = {}
        self._root: Node[Leaf] = Node()

    def leaf(self, template: Template, make: Callable[[], Leaf]) -> Leaf:
        """The leaf of a template; `make()` gives it where there is none yet."""
        if not template.names:
            if template.text not in self._static:
                self._static[template.text] = make()
            return self._static[template.text]
        node = self._root
        for segment in template.segments:
            if segment.rest:
                if node.rest is None:
                    node.rest, node.rest_names = make(), template.names
                return node.rest
            node = node.child(segment)
        if node.value is None:
            node.value, node.names = make(), template.names
        return node.value

    def settle(self) -> None:
        """Find the short ways, now that every template is in; to be called once, before the first match."""
        heads: list[tuple[str, Node[Leaf]]] = [("", self._root)]
        while heads:
            head, node = heads.pop()
            plain = node.plain
            # A pattern goes before a plain field, and a literal before both; literals are static paths or go deeper.
            if plain is not None and plain.value is not None and not node.patterns:
                self._tails[head] = (plain.value, plain.names[0])
            heads += [(f"{head}/{literal}", child) for literal, child in node.literals.items()]

    def match(self, path: str) -> tuple[Leaf, dict[str, str]]:
        """The leaf for a path and the text of its fields; `missing` and no fields where there is none."""
        found = self._static.get(path)
        if found is not None:
            return found, {}
        head, _, tail = path.rpartition("/")
        ending = self._tails.get(head)
        if ending is not None and tail:
            return ending[0], {ending[1]: tail}
        segments = path.split("/")
        node = self._root
        values: list[str] = []
        for segment in segments[1:]:
            child = node.literals.get(segment)
            if child is None:
                child = node.plain
                if child is None or node.patterns or not segment:
                    return self._search(segments)
                values.append(segment)
            node = child
        if node.value is None:
            return self._search(segments)
        return node.value, dict(zip(node.names, values, strict=True))

    def _search(self, segments: list[str]) -> tuple[Leaf, dict[str, str]]:
        """Every way down, best first: literal, pattern, plain field, `path` field."""
        ways: list[tuple[Node[Leaf], int, tuple[str, ...]]] = [(self._root, 1, ())]
        while ways:
            node, depth, values = ways.pop()
            if depth == _REST and node.rest is not None:
                return node.rest, dict(zip(node.rest_names, values, strict=True))
            if depth == len(segments):
                if node.value is not None:
                    return node.value, dict(zip(node.names, values, strict=True))
                continue
            segment = segments[depth]
            if node.rest is not None and any(segments[depth:]):
                ways.append((node, _REST, (*values, "/".join(segments[depth:]))))
            if node.plain is not None and segment:
                ways.append((node.plain, depth + 1, (*values, segment)))
            for pattern, child in reversed(node.patterns):
                if match := pattern.fullmatch(segment):
                    ways.append((child, depth + 1, (*values, *match.groups())))
            if child_of := node.literals.get(segment):
                ways.append((child_of, depth + 1, values))
        return self.missing, {}
