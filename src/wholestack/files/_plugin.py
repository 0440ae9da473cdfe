"""The plugin: files for handlers and templates, and the routes that they go in and out by."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, TypedDict

from typing_extensions import Unpack

from wholestack import App, Body, Conflict, Limits, NotFound, Request, Response, Secret, SetupError
from wholestack.db import Database, Session, stage
from wholestack.errors import Fault
from wholestack.http import size as bytes_of
from wholestack.routing import where_of

from ._errors import StorageFault, UploadRefused
from ._intake import Intake
from ._local import LocalStorage
from ._rows import InTransaction, tend
from ._serving import Serving
from ._signing import NO_KEY, Signer
from ._sniff import INLINE
from ._storage import Storage, is_stored
from ._store import AtOnce, FileStore, RequestUnit, Rules, Unit
from ._stored import StoredFile

KEY = "FILES_KEY"
_SHORTEST = 16
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")

Key = Secret | str


class FilesOptions(TypedDict, total=False):
    """How files are kept and served; each has a default.

    `at`: the path they are served below (``"/files"``); `key`: what addresses are signed with (``FILES_KEY`` in the
    environment; in development and tests a new one for each process); of several, to change it, the first signs and all
    are known; `largest`: bytes of a file (10 MiB); `types`: media types that are taken, as the bytes tell them (all);
    `public`: whether addresses need no signature (False); `expires`: seconds that an address is good for (an hour);
    `inline`: types that a browser may show and not only save (pictures, sound and films); `origin`: another origin that
    this app answers at, for addresses, ``"https://files.example.org"``; `store`: a class of your own derived from
    `FileStore`, for a second kind of files.
    """

    at: str
    key: Key | Sequence[Key]
    largest: int | str
    types: Collection[str] | None
    public: bool
    expires: float
    inline: Collection[str]
    origin: str
    store: type[FileStore]


class Files:
    """Files from outside: ``app.use(Files(LocalStorage("files")))``. Handlers ask for ``files: FileStore``.

    Arguments:
        storage: where they are kept: `LocalStorage`, `S3Storage`, `MemoryStorage`, or one of yours.
        options: see `FilesOptions`.

    Raises:
        SetupError: in production without a key (``no-files-key``).
        StorageFault: an origin that is none.

    Example:
        >>> from wholestack import Upload
        >>> from wholestack.files import MemoryStorage
        >>> app = App()
        >>> app.use(Files(MemoryStorage(), key="a long text that nobody can guess"))
        >>> @app.post("/photos")
        ... def add(photo: Upload, files: FileStore) -> str:
        ...     return files.url(files.save(photo, types={"image/*"}))
    """

    def __init__(self, storage: Storage, **options: Unpack[FilesOptions]) -> None:
        self.storage: Storage = storage
        self.at: str = "/" + options.get("at", "/files").strip("/")
        self.largest: int = bytes_of(options.get("largest", 10 * 1024**2))
        types = options.get("types")
        self.types: frozenset[str] | None = None if types is None else frozenset(types)
        self.public: bool = options.get("public", False)
        self.expires: float = options.get("expires", 3600.0)
        self.inline: frozenset[str] = frozenset(options.get("inline", INLINE))
        self.origin: str = options.get("origin", "").rstrip("/")
        self.kind: type[FileStore] = options.get("store", FileStore)
        if self.origin and _ORIGIN.fullmatch(self.origin) is None:
            raise StorageFault('Files(origin=…) is the beginning of an address, such as "https://files.example.org".')
        self._keys = _keys(options.get("key", ()))
        self._serving: Serving | None = None
        self._databases: list[Database] = []

    @property
    def serving(self) -> Serving:
        """Where and how files are served; the key is looked for when it is first asked for."""
        if self._serving is None:
            signer = Signer(self._found_keys())
            self._serving = Serving(self.storage, signer, self.at, self.origin, self.public, self.inline, self.expires)
        return self._serving

    def _found_keys(self) -> list[bytes]:
        keys = self._keys or _keys([os.environ[KEY]] if os.environ.get(KEY) else ())
        if not keys and stage() != "production":
            keys = [secrets.token_bytes(32)]
        if not keys and not self.public:
            message = "Addresses of files are signed, and there is no key."
            raise SetupError([Fault("no-files-key", message, where_of(type(self)), NO_KEY)])
        if any(len(key) < _SHORTEST for key in keys):
            message = f"The key of files has fewer than {_SHORTEST} bytes, and can be guessed."
            raise SetupError([Fault("no-files-key", message, where_of(type(self)), NO_KEY)])
        return keys

    def store(self, unit: Unit | None = None) -> FileStore:
        """Files outside a request: for scripts, and in ``with app.session() as db:`` with that session.

        Arguments:
            unit: the session that files belong to; without one what is saved stays, and what is deleted is gone.
        """
        belongs = InTransaction(unit, self._databases) if isinstance(unit, Session) else unit or AtOnce()
        return self.kind(self.serving, Rules(self.largest, self.types), belongs)

    def url(self, stored: StoredFile, request: Request | None = None, **options: Any) -> str:
        """The address of a file; see `FileStore.url`."""
        root = request.root_path if request is not None else ""
        asked: dict[str, Any] = {"variant": None, "expires": None, "download": False, **options}
        return self.serving.url(stored, root, **asked)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get by this plugin: ``file_url(stored)``, with the options of `FileStore.url`."""
        if self.kind is not FileStore:
            return {}
        return {"file_url": lambda request: lambda stored, **options: self.url(stored, request, **options)}

    def setup(self, app: App) -> None:
        """Give handlers the store, and serve what it keeps."""
        self._serving = None
        self._databases = [each for each in app.plugins if isinstance(each, Database)]
        for database in self._databases:
            tend(database.metadata, self)
        with_rows = any(each.is_default for each in self._databases)
        provider = self._in_transaction() if with_rows else self._in_request()
        app.provide(provider, waits=True)
        storage = self.storage
        # A class of yours that saves in its own way is asked to save.
        if isinstance(storage, LocalStorage) and type(storage).save is LocalStorage.save:
            app.parameter(_Straight(provider, storage.receive))
        serving = self.serving

        @app.get(self.at + "/{name}", hidden=True, name="file" if self.kind is FileStore else "")
        def file(name: str, request: Request) -> Response:
            if not is_stored(name):
                raise NotFound
            return serving.answer(serving.asked(name, request.query), request)

        limits = Limits(body=max(self.largest, app.limits.bytes_of("body")))

        # Its token proves more than a cookie would: a page may send from wherever it was given one.
        @app.put(self.at + "/incoming", hidden=True, limits=limits, status=204, csrf=False)
        def receive(token: str, chunks: Body[Iterator[bytes]]) -> None:
            self._receive(token, chunks)

    def _receive(self, token: str, chunks: Iterator[bytes]) -> None:
        content = self.serving.signer.read("put", token)
        if content is None:
            raise UploadRefused("This address is not valid, or not any more. Ask for a new one.")
        if self.storage.exists(content["name"]):
            raise Conflict("Something has been sent to this address already. Ask for a new one.")
        self.storage.save(content["name"], Intake(chunks, content["largest"]), "application/octet-stream", "attachment")

    def remove(self, names: list[str]) -> None:
        """Delete files now, by their stored names; those that are not here are no error."""
        self.store().remove(names)

    def _in_transaction(self) -> Callable[..., Any]:
        def files(db: Session) -> FileStore:
            return self.store(db)

        files.__annotations__["return"] = self.kind
        return files

    def _in_request(self) -> Callable[..., Any]:
        def files() -> Generator[FileStore, Response, None]:
            unit = RequestUnit()
            try:
                response = yield self.store(unit)
            except BaseException:
                unit.over(well=False)
                raise
            unit.over(well=response.status < 400)

        files.__annotations__["return"] = Generator[self.kind, Response, None]  # type: ignore[name-defined]  # A value.
        return files

    def __repr__(self) -> str:
        return f"<Files {self.at} {self.storage!r}>"


class _Straight:
    """Where handlers that ask for the store have their large uploads written while they come in: where they are to
    stay.

    A kind of parameter that no parameter has; it is told of all routes when they have their places.
    """

    def __init__(self, provider: Callable[..., Any], opens: Callable[[], IO[bytes]]) -> None:
        self._provider = provider
        self._opens = opens

    def matches(self, annotation: Any) -> bool:
        """None."""
        return False

    def settled(self, placed: Iterable[Any]) -> tuple[Fault, ...]:
        """See to the plans in which the store is."""
        for each in placed:
            if any(step.call.function is self._provider for step in each.plan.steps):
                each.plan.opens = self._opens
        return ()


def _keys(given: Key | Sequence[Key]) -> list[bytes]:
    several = [given] if isinstance(given, str | Secret) else given
    texts = [each.get_secret_value() if isinstance(each, Secret) else each for each in several]
    return [text.encode() for text in texts if text]
