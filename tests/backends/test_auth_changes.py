"""Changes of accounts that come at once, on each database."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import databases
from auth.site import LINK, PASSWORD, Site


@pytest.mark.parametrize("kind", databases.KINDS)
def test_C15_both_addresses_confirm_at_once(kind: str, tmp_path: Path) -> None:
    """Each must see the other, and none waits for ever for the other's row."""
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", url=url).running() as site:
        site.make()
        site.log_in()
        site.send("/account/email", email="new@example.org", password=PASSWORD)
        found = (LINK.search(each.text) for each in site.mails)
        paths = [each[1] for each in found if each is not None and "/new-email/" in each[1]]
        barrier, statuses = threading.Barrier(2), []

        def press(path: str) -> None:
            client = site.other()
            barrier.wait(30)
            statuses.append(site.send(path, client).status)

        threads = [threading.Thread(target=press, args=(path,)) for path in paths]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert statuses == [303, 303]
        assert site.find() is None and site.find("new@example.org").email_confirmed_at is not None
