import pytest

from wholestack import App
from wholestack.files import Files, FileTooLarge, MemoryStorage

app = App()
app.use(Files(MemoryStorage(), key="a long text that nobody can guess", largest="1 kB"))


def test_file_too_large() -> None:
    files = app.plugin(Files).store()
    with pytest.raises(FileTooLarge, match="at most 1,000 bytes"):
        files.save(bytes(1001))
