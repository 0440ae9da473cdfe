"""`@cached`: of a handler it keeps the answer, of any other function what it gives."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from wholestack.db import Session
from wholestack.handlers import Drive, hints_of, kind_of

from ._answers import MARK, PARAMETER, CachedAnswer
from ._errors import CacheFault, misuse
from ._keys import name_of
from ._said import CacheControl, Said, Tags, Vary
from ._spoken import knows_languages, spoken

if TYPE_CHECKING:
    from ._plugin import Caching

F = TypeVar("F", bound=Callable[..., Any])


def cached(
    *,
    ttl: float | None = None,
    vary: Vary = (),
    tags: Tags = (),
    cache_control: CacheControl = "no-cache",
    caching: Caching | None = None,
    name: str | None = None,
) -> Callable[[F], F]:
    """Keep what a function gives. Of a handler, below ``@app.get``, that is its whole answer; needs `Caching`.

    Rules are judged and arguments are checked for each request; then an answer that was kept stands in for the
    handler. Kept is an answer of status 200 that is whole, by its address and by what `vary` says. A request with a
    cookie or an ``Authorization`` is answered by the handler itself, and its answer is not kept, unless `vary` says
    what tells users apart. An answer with ``Set-Cookie``, ``Vary: *``, ``Cache-Control: no-store`` (or ``private``,
    unless users are told apart) is not kept, nor is one with a form's token, a nonce or messages. What it says it
    varies by, also where a middleware says so, keeps answers apart. All get an ``ETag``, a ``Vary`` and a
    ``Cache-Control``.

    What any other function gives is kept by its arguments, and by the language and the time zone where it asks for
    them (`wholestack.languages`), and given back as its return annotation says.

    Arguments:
        ttl: seconds; the plugin's `ttl` if left out.
        vary: what the result differs by. Of a handler: names of header fields (``"accept-language"``, ``"cookie"``),
            and functions of `request` or of the handler's own arguments: ``lambda user: user.id``. One that gives the
            same for all says that users do not differ. Of another function: functions of its arguments.
        tags: names by which `Cache.invalidate` finds the result; ``"post:{id}"`` takes an argument. Or a function of
            the arguments that gives them.
        cache_control: what clients may do with a handler's answer: ``"no-cache"`` lets the reader's browser ask each
            time, ``"private"`` lets it keep the answer, ``"public"`` lets everybody on the way keep it, for the rest of
            its time; nothing calls such copies back when a tag is declared invalid.
        caching: which plugin, where a process has several; the one that was set up last if left out.
        name: the function's, within its module; its own if left out. Functions that another one makes, and that use
            its variables, have one name and give different things: such a one needs a name, ``name=f"rate-{market}"``,
            or `vary`. A handler does not, since its answers go by their addresses.

    Raises:
        SetupError: something that cannot be (``bad-cache``).
        CacheFault: a function is called that needs a name and has none, or whose arguments are no key.

    Example:
        >>> from wholestack import App
        >>> from wholestack.cache import Caching
        >>> app = App()
        >>> app.use(Caching())
        >>> @app.get("/posts/{id}")
        ... @cached(ttl=60, tags=["posts", "post:{id}"])
        ... def show(id: int) -> dict[str, int]:
        ...     return {"id": id}
    """
    said = Said.of(ttl, vary, tags, cache_control, name)

    def decorate(function: F) -> F:
        return _decorated(function, said, caching)

    return decorate


def _decorated(function: F, said: Said, caching: Caching | None) -> F:
    innermost = inspect.unwrap(function)
    kind = kind_of(function)
    if not isinstance(innermost, types.FunctionType) or kind not in {"value", "await"}:
        raise misuse("@cached is for functions that return something.", "Put it on a `def` or an `async def`.")
    signature = inspect.signature(function)
    said.check([*signature.parameters, "request"], function.__qualname__)
    # At this time nobody knows whether it is a handler, so that it needs a name is told when it is called.
    needs_name = not said.name and not said.functions and _has_others_name(innermost)
    said = dataclasses.replace(said, name=f"{function.__module__}:{said.name or function.__qualname__}")
    memo = Memo(function, signature, said, caching, needs_name=needs_name)

    def answered(arguments: dict[str, Any]) -> CachedAnswer | None:
        """The answer that is being made, where the function is called as the handler that it is for."""
        answer = arguments.pop(PARAMETER, None)
        return answer if isinstance(answer, CachedAnswer) and answer.said is said else None

    async def later(*args: Any, **arguments: Any) -> Any:
        answer = answered(arguments)
        if answer is None:
            return await Drive(memo.later(args, arguments))
        found = answer.begin(arguments)
        return found if found is not None else await function(**arguments)

    def now(*args: Any, **arguments: Any) -> Any:
        answer = answered(arguments)
        if answer is None:
            return memo.now(args, arguments)
        found = answer.begin(arguments)
        return found if found is not None else function(**arguments)

    made: Any = functools.update_wrapper(later if kind == "await" else now, function)
    # What plans are compiled from: the function's own parameters and hints, and one that `Caching` fills.
    asks = inspect.Parameter(PARAMETER, inspect.Parameter.KEYWORD_ONLY, annotation=CachedAnswer)
    made.__signature__ = signature.replace(parameters=_with(signature, asks))
    made.__wrapped__ = _asking(innermost)
    setattr(made, MARK, said)
    return made  # type: ignore[no-any-return]  # it stands for the function; attributes are set on it


def _has_others_name(function: types.FunctionType) -> bool:
    """Whether other functions, which give something else, may have the same name and module."""
    made_within = "<locals>" in function.__qualname__ and bool(function.__code__.co_freevars)
    return made_within or function.__name__ == "<lambda>"


def _with(signature: inspect.Signature, more: inspect.Parameter) -> list[inspect.Parameter]:
    found = [*signature.parameters.values()]
    at = next((index for index, each in enumerate(found) if each.kind is each.VAR_KEYWORD), len(found))
    return [*found[:at], more, *found[at:]]


def _asking(innermost: types.FunctionType) -> types.FunctionType:
    """A stand-in for the function itself, by which its hints are read in its own surroundings, with one hint more."""
    made = types.FunctionType(
        innermost.__code__, innermost.__globals__, innermost.__name__, innermost.__defaults__, innermost.__closure__
    )
    made.__kwdefaults__ = innermost.__kwdefaults__
    made.__module__, made.__qualname__, made.__doc__ = innermost.__module__, innermost.__qualname__, innermost.__doc__
    made.__annotations__ = {**innermost.__annotations__, PARAMETER: CachedAnswer}
    return made


class Memo:
    """What a function has given, by its arguments."""

    def __init__(
        self,
        function: Callable[..., Any],
        signature: inspect.Signature,
        said: Said,
        caching: Caching | None,
        *,
        needs_name: bool = False,
    ) -> None:
        self._function = function
        self._signature = signature
        self._said = said
        self._caching = caching
        self._needs_name = needs_name
        self._type: Any = _UNKNOWN
        #: "language" and "timezone", once a call has asked for them.
        self._asked: frozenset[str] = frozenset()

    def now(self, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> Any:
        """What the function gives for these arguments, or has given."""
        if self._needs_name:  # Also without an app, so that the first test finds it.
            raise CacheFault(
                f"{self._said.name} is a function that another one makes, or has no name: others have the same, and "
                "would be given what this one gives. Name it by what it is made with: "
                f'@cached(name=f"rate-{{market}}"), at {self._said.where}.'
            )
        caching = self._caching or (_latest[-1]() if _latest else None)
        if caching is None:  # No app is set up: there is no cache to keep it in.
            return self._function(*args, **arguments)
        bound = self._signature.bind(*args, **arguments)
        bound.apply_defaults()
        given = bound.arguments
        cache = caching.cache(next((each for each in given.values() if isinstance(each, Session)), None))
        return cache.made(
            self._name(given),
            lambda: self._made(args, arguments),
            caching.seconds_of(self._said.ttl),
            self._said.tags_of(given),
            self._returns(),
            kept_as=self._in_language,
        )

    async def later(self, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> Any:
        """The same of an `async def`; to be driven, since it waits in plain code."""
        found = self.now(args, arguments)
        return await found if inspect.isawaitable(found) else found

    def _made(self, args: tuple[Any, ...], arguments: Mapping[str, Any]) -> Any:
        """What the function gives now; and a note of what it asks for, by which its results are kept apart."""
        if not knows_languages():
            return self._function(*args, **arguments)
        from wholestack.languages import asked_within

        if not inspect.iscoroutinefunction(self._function):
            with asked_within() as asked:
                found = self._function(*args, **arguments)
            self._asked = self._asked | asked
            return found

        async def made() -> Any:
            with asked_within() as asked:
                found = await self._function(*args, **arguments)
            self._asked = self._asked | asked
            return found

        return made()

    def _in_language(self, name: str) -> str:
        """The name under which a result is kept: also by the language and the time zone, once it has asked for them.

        A process that has not seen that yet looks under the plain name, where only is what has not asked.
        """
        asked = self._asked
        return name_of("spoken", name, *((each, spoken(f":{each}")) for each in sorted(asked))) if asked else name

    def _name(self, given: Mapping[str, Any]) -> str:
        said = self._said
        if said.headers:
            message = f"{said.name} was called as a plain function, and header fields tell its results apart."
            raise misuse(message, "Name what differs by a function: vary=lambda request: …", said.where)
        try:
            differs = said.differs_by(given) if said.functions else [{**given}]
            return name_of("function", said.name, differs)
        except CacheFault as fault:
            raise CacheFault(
                f"The arguments of {said.name} are no key; say what tells its results apart: "
                f"@cached(vary=lambda post: post.id). {fault}"
            ) from None

    def _returns(self) -> Any:
        if self._type is _UNKNOWN:
            found = hints_of(self._function, {}).get("return")
            self._type = None if found in {Any, object} else found
        return self._type


_UNKNOWN: Any = object()
_latest: list[weakref.ref[Caching]] = []


def is_latest(caching: Caching) -> None:
    """Let functions that name no plugin keep what they give in this one from here on."""
    _latest[:] = [weakref.ref(caching)]
