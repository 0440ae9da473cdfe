"""ServeStatic alone: around an ASGI callable that only says where the style sheet is."""

from servestatic import ServeStaticASGI

from apps.pages.data import CSS_NAME, folder

ADDRESS = f"/static/{CSS_NAME}"


async def inner(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": ADDRESS.encode()})


app = ServeStaticASGI(inner, folder("named"), "static/", immutable_file_test=lambda path, url: True)
