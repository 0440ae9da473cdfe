import pytest

from wholestack.files import MemoryStorage, StorageFault


def test_bad_storage() -> None:
    with pytest.raises(StorageFault, match="no name of a stored file"):
        MemoryStorage().open("../../etc/passwd")
