import pytest

from wholestack.cache import CacheFault, Caching


class Row:
    pass


def test_cache_value() -> None:
    cache = Caching().cache()
    with pytest.raises(CacheFault, match="A value is kept as JSON"):
        cache.set("row", Row())
    with pytest.raises(CacheFault, match="name what tells the values apart"):
        cache.get(Row())
