"""The least a django-bolt project needs."""

import os

ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES: dict[str, object] = {}
DEBUG = False
INSTALLED_APPS = ["django_bolt"]
ROOT_URLCONF = "apps.bolt.urls"
SECRET_KEY = os.urandom(32).hex()
USE_TZ = True
BOLT_API = ["apps.bolt.api:api"]
LOGGING = {"version": 1, "disable_existing_loggers": True, "root": {"level": "ERROR"}}
DJANGO_BOLT_LOGGING = None
