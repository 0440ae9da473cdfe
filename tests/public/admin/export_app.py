"""The bookshop as a served app, for the memory that an export takes; as a program, it logs its one person in."""

import os

from sqlalchemy import select

from admin.bulk import bulk_site
from admin.site import Person

site = bulk_site(url=os.environ["SHOP_DATABASE"])
app = site.app
app.use(site.database, site.auth, site.admin)

if __name__ == "__main__":
    app.seal()
    with app.session() as db:
        person = db.scalars(select(Person)).one()
    print("=".join(site.auth.begin_session(app, person, scheme="http")))
