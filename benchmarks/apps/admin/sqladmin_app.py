"""sqladmin on Starlette, for whoever asks: it has no users of its own."""

from __future__ import annotations

from sqladmin import Admin, ModelView
from sqladmin.filters import AllUniqueStringValuesFilter, ForeignKeyFilter
from sqlalchemy import Engine, create_engine
from starlette.applications import Starlette

from apps.admin.asked import Asgi
from apps.admin.data import SIZE
from apps.admin.tables import Category, Counter, Item

PATHS = {
    "first": "/admin/item/list",
    "page 10,000": "/admin/item/list?page=10000",
    "filtered": "/admin/item/list?category_id=7&state=held",
    "searched": "/admin/item/list?search=amber",
}


class Items(ModelView, model=Item):
    column_list = [
        *(Item.title, Item.sku, Item.state, Item.cents, Item.added),
        *(Item.category, Item.brand, Item.supplier, Item.country, Item.owner),
    ]
    column_searchable_list = [Item.title]
    column_filters = [
        AllUniqueStringValuesFilter(Item.state),
        ForeignKeyFilter(Item.category_id, Category.name, title="Category"),
    ]
    column_default_sort = [(Item.id, True)]
    page_size = SIZE


def open_site(url: str) -> Asgi:
    """The site."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    app = Starlette()
    Admin(app, engine).add_view(Items)
    counter = Counter(Engine)
    return Asgi(app, lambda: counter.number)
