"""Django Ninja, with the middleware that `startproject` turns on."""

from apps.django_setup import STARTPROJECT, configure

apps = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
configure("apps.ninja_urls", STARTPROJECT, apps)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django wants its settings first

app = get_wsgi_application()
