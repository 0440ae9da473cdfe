import pytest

from wholestack import App
from wholestack.files import Files, MemoryStorage, UploadRefused

app = App()
app.use(Files(MemoryStorage(), key="a long text that nobody can guess"))


def test_upload_refused() -> None:
    files = app.plugin(Files).store()
    address = files.upload_address()
    with pytest.raises(UploadRefused, match="Nothing has been sent"):
        files.claim(address.token)
