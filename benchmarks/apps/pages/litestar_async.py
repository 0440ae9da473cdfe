"""Litestar with its server-side sessions (in memory, its default store), its CSRF protection and advanced-alchemy's plugin."""

import secrets
import shutil
from pathlib import Path
from typing import Annotated

from advanced_alchemy.extensions.litestar import AsyncSessionConfig, SQLAlchemyAsyncConfig, SQLAlchemyPlugin
from jinja2 import Environment, FileSystemLoader
from litestar import Litestar, MediaType, Request, get, post
from litestar.config.csrf import CSRFConfig
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import Body
from litestar.response import Redirect, Template
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from apps.pages.data import CSS_NAME, EXTRA, MEMBER, TOPICS, VISITS, folder, templates
from apps.pages.tables import ASYNC, POOL, Feedback, Fortune, Member, by_field


@get("/plaintext", media_type=MediaType.TEXT)
async def plaintext() -> str:
    return "Hello, World!"


@get("/stylesheet", media_type=MediaType.TEXT)
async def stylesheet(request: Request) -> str:
    return request.app.route_reverse("static", file_path=CSS_NAME)


@get("/start", media_type=MediaType.TEXT)
async def start(request: Request) -> str:
    request.set_session({"member": MEMBER[0], "visits": VISITS})
    return "started"


@get("/fortunes")
async def fortunes(db_session: AsyncSession) -> Template:
    found = [*await db_session.scalars(select(Fortune)), Fortune(id=0, message=EXTRA)]
    return Template("fortunes.html", context={"fortunes": sorted(found, key=lambda each: each.message)})


def shown(request: Request, member: Member, values: dict[str, str], errors: dict[str, str]) -> Template:
    context = {
        "member": member,
        "visits": request.session["visits"],
        "values": values,
        "errors": errors,
        "topics": TOPICS,
    }
    return Template("form.html", context=context, status_code=422 if errors else 200)


@get("/form")
async def form(request: Request, db_session: AsyncSession) -> Template:
    return shown(request, await db_session.get_one(Member, request.session["member"]), {}, {})


@post("/form")
async def send(
    request: Request,
    db_session: AsyncSession,
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Template | Redirect:
    member = await db_session.get_one(Member, request.session["member"])
    try:
        feedback = Feedback.model_validate(data)
    except ValidationError as error:
        return shown(request, member, data, by_field(error))
    return Redirect(f"/thanks?age={feedback.age + 1}", status_code=303)


@post("/upload", exclude_from_csrf=True, request_max_body_size=None, sync_to_thread=True, status_code=200)
def upload(data: Annotated[UploadFile, Body(media_type=RequestEncodingType.MULTI_PART)]) -> dict[str, int]:
    path = Path(folder("uploads"), secrets.token_hex(8))
    with path.open("wb") as out:
        shutil.copyfileobj(data.file, out, 1024 * 1024)
    return {"size": path.stat().st_size}


found = Environment(loader=FileSystemLoader(templates("litestar")), autoescape=True)
found.globals["css_name"] = CSS_NAME
engine = create_async_engine(ASYNC, pool_size=POOL, max_overflow=0)
config = SQLAlchemyAsyncConfig(engine_instance=engine, session_config=AsyncSessionConfig(expire_on_commit=False))
app = Litestar(
    [
        plaintext,
        stylesheet,
        start,
        fortunes,
        form,
        send,
        upload,
        create_static_files_router("/static", [folder("named")]),
    ],
    plugins=[SQLAlchemyPlugin(config)],
    middleware=[ServerSideSessionConfig().middleware],
    csrf_config=CSRFConfig(secret=secrets.token_hex(32)),
    template_config=TemplateConfig(instance=JinjaTemplateEngine.from_environment(found)),
    openapi_config=None,
)
