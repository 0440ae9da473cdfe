import pytest

from wholestack import App
from wholestack.files import FileMissing, Files, MemoryStorage

app = App()
app.use(Files(MemoryStorage(), key="a long text that nobody can guess"))


def test_file_missing() -> None:
    files = app.plugin(Files).store()
    stored = files.save(b"text")
    files.delete(stored)
    with pytest.raises(FileMissing):
        files.read(stored)
