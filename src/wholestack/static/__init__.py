"""Static files: style sheets, scripts and pictures under names that tell their content, kept for ever by browsers.

Here belongs how a folder becomes a set of addresses (`_set`), how names within style sheets and scripts follow
(`_references`), how the files are served (`_plugin`; those in memory: `_held`, `_prepared`), and how they are written
out, packed, for a proxy or a network of caches (`_build`). Never here: what users upload (that is `files`), or a
template. A call flows so: sealing looks at the folder; a template's `static("app.css")` is a look-up; a request for
that address is answered by the file.
"""

from ._build import build
from ._plugin import Static, StaticFault

__all__ = ["Static", "StaticFault", "build"]
