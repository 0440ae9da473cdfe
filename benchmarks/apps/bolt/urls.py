"""No views but those of `api.py`."""

urlpatterns: list[object] = []
