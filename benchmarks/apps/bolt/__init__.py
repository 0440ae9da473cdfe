"""django-bolt as a Django project: `api.py` is found by `python -m apps.bolt runbolt`, its own server."""
