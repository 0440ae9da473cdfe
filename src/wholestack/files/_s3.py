"""Files in a bucket of a service that speaks Amazon's S3, by the package obstore."""

from __future__ import annotations

import datetime
import importlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from wholestack import Secret

from ._errors import FileMissing, PackageMissing, StorageFault
from ._storage import PIECE, FileInfo, check_name

if TYPE_CHECKING:
    from obstore.store import S3Store

_PART = 8 * 1024 * 1024
"""Bytes of a part; S3 takes 10,000 of them, so that a file has at most 80 GB."""
_AT_ONCE = 2
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9./_-]*)?")


class S3Storage:
    """A bucket of Amazon S3, or of anything that speaks its protocol. Needs the extra `s3`.

    What is not given is read from the environment by the names that all tools of S3 know: ``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``; on a machine of Amazon's also from its own service.

    Arguments:
        bucket: its name. Let it be private, and let a rule of it delete what was begun and never ended.
        prefix: goes before each name; one bucket then serves several apps.
        endpoint: where the service is, for one that is not Amazon's: ``"https://s3.example.org"``. With ``http://``
            what is sent can be read on the way.
        region: where the bucket is.
        access_key_id: whose bucket it is.
        secret_access_key: proves that.

    Raises:
        PackageMissing: obstore is not installed.
        StorageFault: an endpoint that is no address.
    """

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        endpoint: str | None = None,
        region: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: Secret | str | None = None,
    ) -> None:
        obstore()
        if endpoint is not None and _ENDPOINT.fullmatch(endpoint) is None:
            raise StorageFault('S3Storage(endpoint=…) is an address, such as "https://s3.example.org".')
        self.bucket = bucket
        self.prefix: str = prefix.strip("/")
        self._secret: Secret | None = (
            Secret(secret_access_key) if isinstance(secret_access_key, str) else secret_access_key
        )
        options = {"endpoint": endpoint, "region": region, "access_key_id": access_key_id}
        self._options: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        self._lock = threading.Lock()
        self._made: tuple[int, S3Store] | None = None

    @property
    def _store(self) -> S3Store:
        """Made when it is first asked for in a process: a fork has no threads of its parent's."""
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                options = dict(self._options)
                if self._secret is not None:
                    options["secret_access_key"] = self._secret.get_secret_value()
                plain = {"allow_http": True} if str(options.get("endpoint", "")).startswith("http://") else {}
                store = importlib.import_module("obstore.store").S3Store
                try:
                    made = store(self.bucket, prefix=self.prefix or None, client_options=plain, **options)
                except Exception as error:  # Their classes come with the package; what is wrong is in their words.
                    raise StorageFault(
                        f"The bucket {self.bucket} cannot be used: {str(error).splitlines()[0]}"
                    ) from None
                self._made = os.getpid(), made
            return self._made[1]

    def save(self, name: str, chunks: Iterable[bytes], media_type: str = "", disposition: str = "") -> None:
        """Send a file, in parts where it is large; S3 shows it once it is whole."""
        attributes = {"Content-Type": media_type or "application/octet-stream"}
        attributes["Content-Disposition"] = disposition or "attachment"
        obstore().put(
            self._store,
            check_name(name),
            iter(chunks),
            attributes=attributes,
            chunk_size=_PART,
            max_concurrency=_AT_ONCE,
        )

    def open(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces."""
        if stop is not None and stop <= start:
            return iter(())
        wanted = (start, stop) if stop is not None else {"offset": start} if start else None
        try:
            found = obstore().get(self._store, check_name(name), options={"range": wanted} if wanted else None)
        except FileNotFoundError:
            raise FileMissing from None
        return (bytes(piece) for piece in found.stream(min_chunk_size=PIECE))

    def delete(self, name: str) -> None:
        """Delete a file."""
        try:
            obstore().delete(self._store, check_name(name))
        except FileNotFoundError:  # S3 itself does not mind; others that speak its protocol may.
            return

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        try:
            self.size(name)
        except FileMissing:
            return False
        return True

    def size(self, name: str) -> int:
        """How many bytes it has."""
        try:
            return int(obstore().head(self._store, check_name(name))["size"])
        except FileNotFoundError:
            raise FileMissing from None

    def url(self, name: str, expires: float) -> str | None:
        """A signed address at the bucket."""
        return self._signed("GET", name, expires)

    def upload_url(self, name: str, expires: float) -> str | None:
        """A signed address at the bucket that takes the bytes with PUT."""
        return self._signed("PUT", name, expires)

    def _signed(self, method: str, name: str, expires: float) -> str:
        return str(
            obstore().sign(self._store, method, check_name(name), datetime.timedelta(seconds=max(1, int(expires))))
        )

    def path(self, name: str) -> tuple[str, str] | None:
        """None: it is no file of this machine."""
        return None

    def names(self) -> Iterator[FileInfo]:
        """All files below the prefix that have a name of ours."""
        for batch in obstore().list(self._store):
            for each in batch:
                try:
                    yield FileInfo(check_name(each["path"]), each["last_modified"])
                except StorageFault:
                    continue

    def __repr__(self) -> str:
        return f"<S3Storage {self.bucket}/{self.prefix}>"


def obstore() -> Any:
    """The package.

    Raises:
        PackageMissing: it is not installed.
    """
    try:
        return importlib.import_module("obstore")
    except ImportError:
        raise PackageMissing("S3Storage", "obstore", "s3") from None
