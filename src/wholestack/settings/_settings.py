"""Settings: a typed class filled from the environment, read once and passed by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self, get_args, get_origin

import pydantic

from wholestack.errors import Fault, SetupError

_MANY = (list, tuple, set, frozenset, dict, pydantic.BaseModel)

Secret = pydantic.SecretStr
"""A text that no repr, log or error page shows; `.get_secret_value()` gives it."""


class Settings(pydantic.BaseModel):
    """A typed class whose fields are filled from the environment: `database_url` from ``DATABASE_URL``.

    A name may have a prefix, ``class Shop(Settings, prefix="SHOP_")``, which subclasses keep. Where ``SECRET`` is not
    there but ``SECRET_FILE`` is, it is read from that file, as containers hand secrets over. Lists, dicts and models
    are given as JSON.

    Example:
        >>> class Shop(Settings, prefix="SHOP_"):
        ...     page_size: int = 20
        ...     key: Secret = Secret("development")
        >>> Shop.read({"SHOP_PAGE_SIZE": "50"})
        Shop(page_size=50, key=SecretStr('**********'))
    """

    model_config: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(
        frozen=True, hide_input_in_errors=True, extra="forbid"
    )

    def __init_subclass__(cls, prefix: str | None = None, **options: Any) -> None:
        if prefix is not None:
            cls._prefix = prefix  # type: ignore[attr-defined]
        super().__init_subclass__(**options)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Takes the class keyword that `__init_subclass__` has read already."""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings from the environment (the process's own where none is given).

        Raises:
            SetupError: everything that is missing or wrong, in one report that shows no value.
        """
        source = os.environ if environment is None else environment
        prefix: str = getattr(cls, "_prefix", "")
        faults: list[Fault] = []
        values = {
            name: _parsed(field.annotation, found)
            for name, field in cls.model_fields.items()
            if (found := _value(source, prefix + name.upper(), faults)) is not None
        }
        settings: Self | None = None
        try:
            settings = cls.model_validate(values)
        except pydantic.ValidationError as error:
            unread = {fault.where for fault in faults}
            found_wrong = [_fault(cls, prefix, each) for each in error.errors(include_url=False, include_input=False)]
            faults += [fault for name, fault in found_wrong if name not in unread]
        if faults or settings is None:
            raise SetupError(faults)
        return settings


def _value(source: Mapping[str, str], name: str, faults: list[Fault]) -> str | None:
    if name in source:
        return source[name]
    path = source.get(f"{name}_FILE")
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeError):
        message = f"{name}_FILE names a file that cannot be read as text."
        faults.append(Fault("bad-setting", message, name, "Check the path."))
        return None


def _parsed(annotation: Any, text: str) -> Any:
    """The text, or the JSON in it where the field holds more than one value."""
    kinds = [get_origin(kind) or kind for kind in (annotation, *get_args(annotation))]
    if not any(isinstance(kind, type) and issubclass(kind, _MANY) for kind in kinds):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (list, dict)) else text


def _fault(cls: type[Settings], prefix: str, error: Any) -> tuple[str, Fault]:
    field, *rest = error["loc"]
    name = prefix + str(field).upper()
    below = f" at {'.'.join(map(str, rest))}" if rest else ""
    missing = error["type"] == "missing" and not rest
    message = f"{name} is not set." if missing else f"{name} is wrong{below}: {error['msg']}."
    where = f"{cls.__module__}.{cls.__qualname__}"
    return name, Fault("bad-setting", message, where, f"Set {name} in the environment.")
