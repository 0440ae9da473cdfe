"""Django's settings, with the middleware that `startproject` turns on, and its models of the same tables."""

import os
from urllib.parse import urlsplit

import django
from django.conf import settings

from apps.django_setup import STARTPROJECT
from apps.pages.data import folder, templates

parts = urlsplit(os.environ["BENCH_DATABASE"])
if parts.scheme == "sqlite":
    DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path[1:], "CONN_MAX_AGE": None}
else:
    DATABASE = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,  # each of the four threads keeps its connection
    }
VARIANT = os.environ.get("BENCH_VARIANT", "")
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
settings.configure(
    DEBUG=False,
    SECRET_KEY=os.environ.get("BENCH_SECRET", "for benchmarks only, and only on this machine"),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="apps.pages.django_app",
    DATABASES={"default": DATABASE},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    # WhiteNoise stands where its documentation puts it, and only where static files are measured.
    MIDDLEWARE=[STARTPROJECT[0], *([WHITENOISE] if VARIANT == "whitenoise" else []), *STARTPROJECT[1:]],
    SESSION_ENGINE=f"django.contrib.sessions.backends.{'signed_cookies' if VARIANT == 'cookie' else 'db'}",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": templates("django")[:1],
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="/static/",
    STATIC_ROOT=folder("django"),
    STATICFILES_DIRS=[folder("source")],
    STORAGES={
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder("uploads")},
        },
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    },
    LOGGING_CONFIG=None,
    USE_TZ=True,
)
django.setup()

from django.db import models  # noqa: E402


class Fortune(models.Model):  # noqa: DJ008  (nobody prints one)
    message = models.CharField(max_length=200)

    class Meta:
        app_label, db_table, managed = "pages", "fortune", False


class Member(models.Model):  # noqa: DJ008  (nobody prints one)
    name = models.CharField(max_length=200)

    class Meta:
        app_label, db_table, managed = "pages", "member", False
