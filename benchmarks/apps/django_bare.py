"""Django without middleware: the least it can do."""

from apps.django_setup import configure

configure("apps.django_views")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django wants its settings first

app = get_wsgi_application()
