from wholestack import App, Upload
from wholestack.files import Files, FileStore, MemoryStorage
from wholestack.testing import Client

app = App()
app.use(Files(MemoryStorage(), key="a long text that nobody can guess"))


@app.post("/photos")
def add(photo: Upload, files: FileStore) -> str:
    return files.url(files.save(photo, types={"image/*"}))


def test_file_type_refused() -> None:
    answer = Client(app).post("/photos", files={"photo": ("a.jpg", b"<html>", "image/jpeg")})
    assert (answer.status, answer.json()["code"]) == (415, "file-type-refused")
