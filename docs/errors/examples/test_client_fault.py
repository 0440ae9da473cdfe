import pytest

from wholestack import App
from wholestack.testing import Client, ClientFault


def test_an_address_that_is_none() -> None:
    with pytest.raises(ClientFault, match="begins with http"):
        Client(App()).get("ftp://example.org/file")
