"""starlette-admin, for whoever asks: it is given no users."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine
from starlette.applications import Starlette
from starlette_admin.contrib.sqla import Admin, ModelView

from apps.admin.asked import Asgi
from apps.admin.data import SIZE
from apps.admin.tables import Brand, Category, Counter, Country, Item, Owner, Supplier

_LIST = "/admin/item/list"
PATHS = {
    "first": _LIST,
    "page 10,000": f"{_LIST}?page=10000",
    "filtered": f"{_LIST}?filter=category_id__eq%3D7%20AND%20state__eq%3Dheld",
    "searched": f"{_LIST}?q=amber",
}


class Items(ModelView):
    fields = [
        "id",
        "title",
        "sku",
        "state",
        "cents",
        "added",
        "category",
        "brand",
        "supplier",
        "country",
        "owner",
        "category_id",
    ]
    searchable_fields = ["title", "state", "category_id"]
    page_size = SIZE
    fields_default_sort = [("id", True)]

    def get_search_query(self, request: Any, term: str) -> Any:
        """Only titles: what a list is filtered by must be searchable, and would be searched as well."""
        return Item.title.icontains(term, autoescape=True)


def open_site(url: str) -> Asgi:
    """The site."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    app = Starlette()
    admin = Admin(engine)
    admin.add_view(Items(Item))
    for each in (Category, Brand, Supplier, Country, Owner):
        admin.add_view(ModelView(each))
    admin.mount_to(app)
    counter = Counter(Engine)
    return Asgi(app, lambda: counter.number)
