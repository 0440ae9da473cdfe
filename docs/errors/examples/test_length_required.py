from io import BytesIO

from wholestack import App, Body

app = App()


@app.post("/notes")
def add(text: Body[str]) -> int:
    return len(text)


def test_a_coding_that_the_server_left_in_place() -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/notes",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "example.org",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(b"hello"),
    }
    started = []
    body = b"".join(app(environ, lambda status, headers: started.append(status)))
    assert started == ["411 Length Required"]
    assert b"length-required" in body
