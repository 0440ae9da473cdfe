"""Django's settings and its models of the same tables."""

from urllib.parse import urlsplit

import django
from django.conf import settings

from apps.rows.tables import URL

parts = urlsplit(URL)
if parts.scheme == "sqlite":
    DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path[1:], "CONN_MAX_AGE": None}
else:
    DATABASE = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username or "",
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,  # each of the four threads keeps its connection
    }
settings.configure(
    DEBUG=False,
    SECRET_KEY="for benchmarks only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="apps.rows.django_sync",
    DATABASES={"default": DATABASE},
    INSTALLED_APPS=[],
    MIDDLEWARE=[],
    USE_TZ=True,
)
django.setup()

from django.db import models  # noqa: E402


class World(models.Model):  # noqa: DJ008  (nobody prints one)
    randomnumber = models.BigIntegerField()

    class Meta:
        app_label, db_table, managed = "rows", "world", False


class Fortune(models.Model):  # noqa: DJ008  (nobody prints one)
    message = models.CharField(max_length=200)

    class Meta:
        app_label, db_table, managed = "rows", "fortune", False


class Author(models.Model):  # noqa: DJ008  (nobody prints one)
    name = models.CharField(max_length=200)

    class Meta:
        app_label, db_table, managed = "rows", "author", False


class Book(models.Model):  # noqa: DJ008  (nobody prints one)
    title = models.CharField(max_length=200)
    author = models.ForeignKey(Author, models.CASCADE)

    class Meta:
        app_label, db_table, managed = "rows", "book", False


class Entry(models.Model):  # noqa: DJ008  (nobody prints one)
    id = models.BigAutoField(primary_key=True)
    randomnumber = models.BigIntegerField()

    class Meta:
        app_label, db_table, managed = "rows", "entry", False
