"""WhiteNoise alone: around a WSGI callable that only says where the style sheet is."""

from whitenoise import WhiteNoise

from apps.pages.data import CSS_NAME, folder

ADDRESS = f"/static/{CSS_NAME}"


def inner(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [ADDRESS.encode()]


app = WhiteNoise(inner, folder("named"), "static/", immutable_file_test=lambda path, url: True)
