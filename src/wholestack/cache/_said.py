"""What `@cached(…)` says, checked where it is written."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

from wholestack.http import HeaderFault, check_header

from ._errors import CacheFault, misuse, outside
from ._values import seconds_of

CacheControl = Literal["no-cache", "private", "public"]
Vary = str | Callable[..., object] | Iterable[str | Callable[..., object]]
Tags = Iterable[str] | Callable[..., Iterable[str]]
CREDENTIALS = ("cookie", "authorization")
"""The request's header fields by which users are told apart, or may be."""


@dataclasses.dataclass(frozen=True, eq=False)
class Said:
    """What one `@cached(…)` says.

    Attributes:
        ttl: seconds; None for the plugin's.
        headers: names of the request's header fields by which answers differ, in lower case.
        functions: functions of the request, or of the arguments, by which they differ.
        tags: texts, with arguments in braces, or a function of the arguments that gives them.
        cache_control: what clients may do with an answer.
        where: file and line.
        name: of the function, with its module.
    """

    ttl: float | None
    headers: tuple[str, ...]
    functions: tuple[Callable[..., object], ...]
    tags: tuple[str, ...] | Callable[..., Iterable[str]]
    cache_control: CacheControl
    where: str
    name: str = ""

    @staticmethod
    def of(ttl: float | None, vary: Vary, tags: Tags, cache_control: CacheControl, name: str | None) -> Said:
        """See `cached`."""
        where = outside()
        try:
            seconds_of(ttl, 1.0)
        except CacheFault as fault:
            raise misuse(f"cached(ttl={ttl!r}): {fault}", "@cached(ttl=60)", where) from None
        parts = [vary] if isinstance(vary, str) or callable(vary) else [*vary]
        headers = tuple(each.lower() for each in parts if isinstance(each, str))
        functions = tuple(each for each in parts if not isinstance(each, str))
        for each in headers:
            try:
                check_header(each, "")
            except HeaderFault:
                cure = '@cached(ttl=60, vary=("accept-language",))'
                raise misuse(f"cached(vary={each!r}) is no name of a header field.", cure, where) from None
        if cache_control not in get_args(CacheControl):
            cure = 'It is "no-cache", "private" or "public".'
            raise misuse(f"cached(cache_control={cache_control!r}) is unknown.", cure, where)
        if cache_control == "public" and (functions or set(headers) & set(CREDENTIALS)):
            message = 'cached(cache_control="public") is one answer for all, and its vary= says that users differ.'
            raise misuse(message, 'Take cache_control="private".', where)
        texts = (tags,) if isinstance(tags, str) else tags if callable(tags) else tuple(tags)
        if name == "":
            raise misuse('cached(name="") is no name.', 'cached(name="rates")', where)
        return Said(ttl, headers, functions, texts, cache_control, where, name or "")

    def check(self, names: Iterable[str], function: str) -> None:
        """See that tags name arguments that the function has."""
        given = set(names)
        for text in self.tags if isinstance(self.tags, tuple) else ():
            for _, field, _, _ in string.Formatter().parse(text):
                name = None if field is None else field.partition(".")[0].partition("[")[0]
                if name is not None and name not in given:
                    message = f"The tag {text!r} names {name!r}, which {function} has no parameter of."
                    raise misuse(message, f"It has: {', '.join(sorted(given)) or 'none'}.", self.where)

    def tells_apart(self, field: str) -> bool:
        """Whether it says how users differ who send this header field."""
        return bool(self.functions) or field in self.headers

    def tags_of(self, arguments: Mapping[str, Any]) -> list[str]:
        """The tags of a value that is made of these arguments."""
        if isinstance(self.tags, tuple):
            return [text.format(**arguments) for text in self.tags]
        return [*self._called(self.tags, arguments)]

    def differs_by(self, arguments: Mapping[str, Any]) -> list[object]:
        """What the functions of `vary=` give for these arguments, of which `request` may be one."""
        return [self._called(each, arguments) for each in self.functions]

    def _called(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        names = _parameters_of(function)
        missing = [name for name in names if name not in arguments]
        if missing:
            message = f"A function of @cached(…) asks for {missing[0]!r}, which is no argument here."
            raise misuse(message, f"Take of: {', '.join(sorted(arguments)) or 'nothing'}.", self.where)
        return function(**{name: arguments[name] for name in names})


@functools.lru_cache(512)
def _parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)
