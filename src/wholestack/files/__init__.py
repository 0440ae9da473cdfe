"""Files from outside: kept under names of ours, looked at before they are, in step with the rows that name them.

Here belongs where files are kept (`_storage`, `_local`, `_s3`), what handlers ask for (`_store`), how bytes come in
(`_intake`; large uploads at once into the storage's folder: `_received`) and what they are (`_sniff`), the value and
its column (`_stored`), rows and their files (`_rows`, `_sweep`), signed addresses and answers of which nothing runs
(`_signing`, `_serving`), pictures and archives (`_images`, `_archives`), how blocking calls wait (`_colour`), and the
plugin (`_plugin`). Never here: files of the app itself (that is `static`), a form, a page. A call flows so:
`files.save(upload)` reads the first bytes, decides what they are, and lets the storage write all of them under a random
name, digested on the way; the row gets the value; if the transaction fails the file is deleted, if it commits what the
row had before is. An address is signed, and its route answers with headers under which nothing of a file can run.
"""

from ._archives import Archive, ArchiveLimits, extract
from ._errors import (
    ArchiveRefused,
    FileMissing,
    FileTooLarge,
    FileTypeRefused,
    ImageRefused,
    PackageMissing,
    StorageFault,
    UploadRefused,
)
from ._images import Picture, Size, cleaned
from ._intake import Readable, Source
from ._local import LocalStorage
from ._plugin import Files, FilesOptions
from ._rows import release
from ._s3 import S3Storage
from ._sniff import sniff
from ._storage import FileInfo, MemoryStorage, Storage, check_name
from ._store import FileStore, Unit, UploadAddress
from ._stored import StoredFile, StoredFileType
from ._sweep import sweep

__all__ = [
    "Archive",
    "ArchiveLimits",
    "ArchiveRefused",
    "FileInfo",
    "FileMissing",
    "FileStore",
    "FileTooLarge",
    "FileTypeRefused",
    "Files",
    "FilesOptions",
    "ImageRefused",
    "LocalStorage",
    "MemoryStorage",
    "PackageMissing",
    "Picture",
    "Readable",
    "S3Storage",
    "Size",
    "Source",
    "Storage",
    "StorageFault",
    "StoredFile",
    "StoredFileType",
    "Unit",
    "UploadAddress",
    "UploadRefused",
    "check_name",
    "cleaned",
    "extract",
    "release",
    "sniff",
    "sweep",
]
