import sys

import pytest

from wholestack.files import PackageMissing, S3Storage


def test_package_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)  # As if it were not installed.
    with pytest.raises(PackageMissing, match=r"pip install \"wholestack\[s3\]\""):
        S3Storage("photos")
