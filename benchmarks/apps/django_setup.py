"""Settings that the Django applications share, in the one-file form of Django's documentation."""

import os
from collections.abc import Sequence

import django
from django.conf import settings

STARTPROJECT = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
"""What `django-admin startproject` turns on."""
REST = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
"""REST framework for an API of JSON only, without users, as its documentation advises for speed."""


def configure(urls: str, middleware: Sequence[str] = (), apps: Sequence[str] = ()) -> None:
    """Set Django up for one process that serves `urls`."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={},
        DEBUG=False,
        INSTALLED_APPS=list(apps),
        LOGGING_CONFIG=None,
        MIDDLEWARE=list(middleware),
        REST_FRAMEWORK=REST,
        ROOT_URLCONF=urls,
        SECRET_KEY=os.urandom(32).hex(),
        USE_TZ=True,
    )
    django.setup()
