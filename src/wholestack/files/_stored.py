"""A stored file as a value, and the column that holds one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import core_schema
from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator

from wholestack.db import Table, ValueRefused

from ._storage import is_stored

_LONGEST = 255
_UNSAID = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VARIANT = re.compile("[a-z0-9]{1,16}")
_COLUMN = 1500


@dataclasses.dataclass(frozen=True)
class StoredFile:
    """A file that is in the storage: what a row holds of it.

    It is made by ``files.save(…)`` only, never from what a client sends: a field of this type in a model of a body is
    refused.

    Attributes:
        name: what the storage has it under: random, with an ending that tells the type.
        filename: what its sender called it: data to show, never a path.
        media_type: what its bytes are, by their beginning.
        size: how many bytes.
        digest: their SHA-256, in hexadecimal digits.
        variants: of a picture, the names of its other sizes.
        width: of a picture, in pixels.
        height: of a picture, in pixels.
    """

    name: str
    filename: str
    media_type: str
    size: int
    digest: str
    variants: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None

    def variant(self, variant: str) -> str:
        """The name of another size of a picture.

        Raises:
            LookupError: it has none of this name.
        """
        if variant not in self.variants:
            raise LookupError(f"This file has no variant {variant!r}; it has {', '.join(self.variants) or 'none'}.")
        return variant_name(self.name, variant)

    def names(self) -> Iterator[str]:
        """All names that the storage has for it."""
        yield self.name
        for each in self.variants:
            yield variant_name(self.name, each)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Never read from outside: whoever could name a file would be given somebody else's."""
        shown = core_schema.plain_serializer_function_ser_schema(_shown)
        hooks = {"pydantic_js_functions": [lambda schema, handler: dict(_SCHEMA)]}
        return core_schema.is_instance_schema(cls, metadata=hooks, serialization=shown)


_SCHEMA = {
    "type": "object",
    "title": "StoredFile",
    "properties": {
        "name": {"type": "string"},
        "filename": {"type": "string"},
        "media_type": {"type": "string"},
        "size": {"type": "integer"},
        "digest": {"type": "string"},
        "variants": {"type": "array", "items": {"type": "string"}},
        "width": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "height": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["name", "filename", "media_type", "size", "digest"],
}


def _shown(stored: StoredFile) -> dict[str, Any]:
    found = {field.name: getattr(stored, field.name) for field in dataclasses.fields(stored)}
    return {**found, "variants": list(stored.variants)}


def variant_name(name: str, variant: str) -> str:
    """The name of another size.

    Example:
        >>> variant_name("0123456789abcdef0123456789abcdef.png", "small")
        '0123456789abcdef0123456789abcdef-small.png'
    """
    if _VARIANT.fullmatch(variant) is None:
        raise ValueError("A variant is named with 1 to 16 small letters and digits.")
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{variant}.{ending}"


def plain_filename(filename: str) -> str:
    r"""A sender's file name as data: without control characters, and not longer than a file name can be.

    Example:
        >>> plain_filename("../a\x00b.png")
        '../ab.png'
    """
    return _UNSAID.sub("", filename)[:_LONGEST]


def beginning(name: str) -> str:
    """What a column's text begins with that holds a file of this name."""
    return f'{{"name":"{name}"'


class StoredFileType(TypeDecorator[StoredFile]):
    """The column of a `StoredFile`: JSON text that begins with the name. ``Mapped[StoredFile | None]`` takes it by
    itself where the model derives from `wholestack.db.Table`.
    """

    impl: Any = String().with_variant(String(_COLUMN), "mysql", "mariadb")
    cache_ok: bool | None = True

    @property
    def python_type(self) -> type[StoredFile]:
        """What it is in Python."""
        return StoredFile

    def process_bind_param(self, value: StoredFile | None, dialect: Dialect) -> str | None:
        """As text."""
        if value is None:
            return None
        if not isinstance(value, StoredFile):
            raise ValueRefused("This column holds what files.save(…) has given, or None.")
        found = {name: each for name, each in _shown(value).items() if each is not None and each != []}
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        if len(text) > _COLUMN or not is_stored(value.name):
            raise ValueRefused(
                "This is no file that can be kept in a row: too many variants, or a name of another kind."
            )
        return text

    def process_result_value(self, value: str | None, dialect: Dialect) -> StoredFile | None:
        """From text."""
        return None if value is None else read_stored(value)


def read_stored(text: str) -> StoredFile:
    """The file that a column's text holds; what a later release may add is passed over.

    Example:
        >>> read_stored('{"name":"a.png","filename":"b","media_type":"image/png","size":1,"digest":"c"}').size
        1
    """
    known = {field.name for field in dataclasses.fields(StoredFile)}
    found = {name: value for name, value in json.loads(text).items() if name in known}
    return StoredFile(**{**found, "variants": tuple(found.get("variants", ()))})


# For the models of ours, and for bases of one's own that take our types.
Table.registry.update_type_annotation_map({StoredFile: StoredFileType()})
Table.type_annotation_map[StoredFile] = StoredFileType()
