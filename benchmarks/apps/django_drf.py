"""Django REST framework, with the middleware that `startproject` turns on."""

from apps.django_setup import STARTPROJECT, configure

apps = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
configure("apps.drf_views", STARTPROJECT, [*apps, "rest_framework"])

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django wants its settings first

app = get_wsgi_application()
