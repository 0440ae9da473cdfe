"""Django's admin: a member of staff who is logged in and may see all; by WSGI, which it is fastest by."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

from apps.admin.data import SIZE

PATHS = {
    "first": "/admin/apps_admin/item/",
    "page 10,000": "/admin/apps_admin/item/?p=10000",
    "filtered": "/admin/apps_admin/item/?category__id__exact=7&state__exact=held",
    "searched": "/admin/apps_admin/item/?q=amber",
    "a row with 50 inline": "/admin/apps_admin/item/1/change/",
}
urlpatterns: list[Any] = []


def _database(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.removeprefix("sqlite:///")}
    parts = urlsplit(url)
    server = {"HOST": parts.hostname, "PORT": parts.port or 5432, "USER": parts.username}
    return {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path.lstrip("/"), **server, "CONN_MAX_AGE": None}


class Wsgi:
    """Asks Django."""

    def __init__(self, cookie: str) -> None:
        from django.core.wsgi import get_wsgi_application
        from django.db import connection

        self._app = get_wsgi_application()
        self._cookie = cookie
        self._number = 0
        connection.execute_wrappers.append(self._count)

    def _count(self, execute: Any, *rest: Any) -> Any:
        self._number += 1
        return execute(*rest)

    def queries(self) -> int:
        """How many queries were sent so far."""
        return self._number

    def ask(self, address: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        path, _, query = address.partition("?")
        status: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "", "SERVER_NAME": "testserver",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "testserver", "HTTP_COOKIE": self._cookie,
            "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
            "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        }  # fmt: skip
        answer = self._app(environ, lambda line, headers: status.append(line))
        body = b"".join(answer)
        answer.close()
        return int(status[0][:3]), body


def open_site(url: str) -> Wsgi:
    """The site."""
    middleware = (
        "sessions.middleware.SessionMiddleware",
        "auth.middleware.AuthenticationMiddleware",
        "messages.middleware.MessageMiddleware",
    )
    processors = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]
    processors.append("django.contrib.messages.context_processors.messages")
    settings.configure(
        SECRET_KEY="of a benchmark",
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": _database(url)},
        INSTALLED_APPS=[
            *(f"django.contrib.{each}" for each in ("admin", "auth", "contenttypes", "sessions", "messages")),
            "apps.admin.django_tables.Tables",
        ],
        MIDDLEWARE=[f"django.contrib.{each}" for each in middleware],
        ROOT_URLCONF=__name__,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": processors},
            }
        ],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        STATIC_URL="/static/",
        USE_TZ=True,
    )
    django.setup()
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from django.urls import path

    from apps.admin.django_tables.models import Brand, Category, Country, Item, Owner, Part, Supplier

    class Parts(admin.TabularInline):  # type: ignore[misc,type-arg]
        model = Part
        extra = 0

    class Named(admin.ModelAdmin):  # type: ignore[misc,type-arg]
        search_fields = ("name",)

    class Items(admin.ModelAdmin):  # type: ignore[misc,type-arg]
        list_display = ("title", "sku", "state", "cents", "added", "category", "brand", "supplier", "country", "owner")
        list_select_related = True
        list_filter = ("state", "category")
        search_fields = ("title",)
        list_per_page = SIZE
        show_full_result_count = False
        autocomplete_fields = ("category", "brand", "supplier", "country", "owner")
        inlines = (Parts,)

    admin.site.register(Item, Items)
    for each in (Category, Brand, Supplier, Country, Owner):
        admin.site.register(each, Named)
    urlpatterns.append(path("admin/", admin.site.urls))
    call_command("migrate", verbosity=0)
    user, _ = User.objects.get_or_create(username="bench", defaults={"is_staff": True, "is_superuser": True})
    client = Client()
    client.force_login(user)
    return Wsgi(f"sessionid={client.cookies['sessionid'].value}")
