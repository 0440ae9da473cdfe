"""The tables of `data` as an application of Django."""

from django.apps import AppConfig


class Tables(AppConfig):
    name = "apps.admin.django_tables"
    label = "apps_admin"
    default = True
