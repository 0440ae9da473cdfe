"""What both forms of the FastAPI application share: Starlette's sessions and templates, and a CSRF token by hand.

FastAPI has no CSRF protection of its own. The token lies in the session and is compared in constant time, as its users write it.
"""

import secrets
import shutil
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, UploadFile
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.middleware.sessions import SessionMiddleware

from apps.pages.data import CSS_NAME, EXTRA, MEMBER, TOPICS, VISITS, folder, templates
from apps.pages.tables import Fortune

found = Environment(loader=FileSystemLoader(templates("fastapi")), autoescape=select_autoescape())
found.globals["css_name"] = CSS_NAME
pages = Jinja2Templates(env=found)


def application() -> FastAPI:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=secrets.token_hex(32))
    app.mount("/static", StaticFiles(directory=folder("named")), name="static")

    @app.get("/plaintext")
    async def plaintext() -> PlainTextResponse:
        return PlainTextResponse("Hello, World!")

    @app.get("/stylesheet")
    async def stylesheet() -> PlainTextResponse:
        return PlainTextResponse(app.url_path_for("static", path=CSS_NAME))

    @app.get("/start")
    async def start(request: Request) -> PlainTextResponse:
        request.session["member"], request.session["visits"] = MEMBER[0], VISITS
        return PlainTextResponse("started")

    @app.post("/upload")
    def upload(file: UploadFile) -> dict[str, int]:
        path = Path(folder("uploads"), secrets.token_hex(8))
        with path.open("wb") as out:
            shutil.copyfileobj(file.file, out, 1024 * 1024)
        return {"size": path.stat().st_size}

    return app


def show_fortunes(request: Request, fortunes: list[Fortune]):
    fortunes.append(Fortune(id=0, message=EXTRA))
    fortunes.sort(key=lambda each: each.message)
    return pages.TemplateResponse(request, "fortunes.html", {"fortunes": fortunes})


def show_form(request: Request, member, values, errors):
    if "csrf_token" not in request.session:
        request.session["csrf_token"] = secrets.token_urlsafe(32)
    context = {
        "member": member,
        "visits": request.session["visits"],
        "values": values,
        "errors": errors,
        "topics": TOPICS,
        "csrf_token": request.session["csrf_token"],
    }
    return pages.TemplateResponse(request, "form.html", context, status_code=422 if errors else 200)


def check_token(request: Request, sent: object) -> None:
    if not secrets.compare_digest(str(sent), request.session.get("csrf_token", "")):
        raise HTTPException(403, "The token of the form is missing or not yours.")
