"""A service that speaks as much of Amazon's S3 as a storage needs, on a socket of this machine, and checks signatures."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import http.server
import re
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wholestack.files import S3Storage

KEY_ID, SECRET, REGION, BUCKET = "test-id", "test-secret", "eu-test-1", "bucket"


class S3Service(http.server.ThreadingHTTPServer):
    """The service: what is in its bucket, and what was asked of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[bytes, dict[str, str], datetime.datetime]] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.about: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []
        self.failing = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def s3_service() -> Iterator[S3Service]:
    service = S3Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join(10)


def bucket(service: S3Service, prefix: str = "app") -> S3Storage:
    """A storage in the service's bucket."""
    keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET}
    return S3Storage(BUCKET, prefix=prefix, endpoint=service.endpoint, region=REGION, **keys)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Service

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _dispatch(self) -> None:
        split = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        body = self._body()
        name = urllib.parse.unquote(split.path).removeprefix(f"/{BUCKET}").lstrip("/")
        kind = next((word for word in ("uploads", "uploadId", "list-type", "X-Amz-Signature") if word in query), "")
        self.server.calls.append(f"{self.command} {kind}".strip())
        if self.server.failing:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        elif not self._is_signed(split, query):
            self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        else:
            getattr(self, f"_{self.command.lower()}")(name, query, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _dispatch

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _is_signed(self, split: urllib.parse.SplitResult, query: dict[str, str]) -> bool:
        """Signature Version 4, in the query or in the header, as Amazon's documentation has it."""
        if "X-Amz-Signature" in query:
            given, names, moment = query["X-Amz-Signature"], query["X-Amz-SignedHeaders"], query["X-Amz-Date"]
            began = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
            if datetime.datetime.now(datetime.UTC) > began + datetime.timedelta(seconds=int(query["X-Amz-Expires"])):
                return False
            payload = "UNSIGNED-PAYLOAD"
        else:
            found = re.search(r"SignedHeaders=([^,]+), ?Signature=(\w+)", self.headers.get("authorization", ""))
            if found is None:
                return False
            names, given = found[1], found[2]
            moment, payload = self.headers["x-amz-date"], self.headers["x-amz-content-sha256"]
        asked = sorted((key, value) for key, value in query.items() if key != "X-Amz-Signature")
        quoted = "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in asked)
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names.split(";"))
        whole = f"{self.command}\n{split.path}\n{quoted}\n{headers}\n{names}\n{payload}"
        scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(whole.encode()).hexdigest()}"
        key = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), given)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for field, value in headers.items():
            self.send_header(field.replace("_", "-"), value)
        self.send_header("content-length", headers.get("length", str(len(body))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _keep(self, name: str, content: bytes, about: dict[str, str]) -> None:
        self.server.objects[name] = content, about, datetime.datetime.now(datetime.UTC)

    def _about(self) -> dict[str, str]:
        return {name: self.headers.get(name, "") for name in ("content-type", "content-disposition")}

    def _put(self, name: str, query: dict[str, str], body: bytes) -> None:
        if "partNumber" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self._keep(name, body, self._about())
        self._answer(200, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def _post(self, name: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            number = uuid.uuid4().hex
            self.server.parts[number], self.server.about[number] = {}, self._about()
            xml = f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>"
        elif "uploadId" in query:
            parts = self.server.parts.pop(query["uploadId"])
            self._keep(
                name, b"".join(parts[number] for number in sorted(parts)), self.server.about.pop(query["uploadId"])
            )
            xml = '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>'
        else:  # Many are deleted at once.
            names = re.findall(r"<Key>(.*?)</Key>", body.decode())
            for each in names:
                self.server.objects.pop(each, None)
            xml = f"<DeleteResult>{''.join(f'<Deleted><Key>{each}</Key></Deleted>' for each in names)}</DeleteResult>"
        self._answer(200, f'<?xml version="1.0" encoding="UTF-8"?>{xml}'.encode(), content_type="application/xml")

    def _delete(self, name: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.server.parts.pop(query["uploadId"], None)
        elif self.server.objects.pop(name, None) is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")  # Amazon's own says 204.
            return
        self._answer(204)

    def _get(self, name: str, query: dict[str, str], body: bytes) -> None:
        if "list-type" in query:
            self._list(query.get("prefix", ""))
            return
        if name not in self.server.objects:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        content, about, changed = self.server.objects[name]
        headers = {**about, "etag": '"e"', "last_modified": changed.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if wanted is None:
            self._answer(200, content, **headers)
            return
        start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
        part = content[start : end + 1]
        self._answer(206, part, content_range=f"bytes {start}-{start + len(part) - 1}/{len(content)}", **headers)

    _head = _get

    def _list(self, prefix: str) -> None:
        found = "".join(
            f"<Contents><Key>{name}</Key><LastModified>{changed.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</LastModified>"
            f'<ETag>"e"</ETag><Size>{len(content)}</Size><StorageClass>STANDARD</StorageClass></Contents>'
            for name, (content, _, changed) in sorted(self.server.objects.items())
            if name.startswith(prefix)
        )
        xml = f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        self._answer(200, f'<?xml version="1.0" encoding="UTF-8"?>{xml}'.encode(), content_type="application/xml")


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="-_.~")
