import pytest

from wholestack.templates import Page, PageNotRendered


def test_page_not_rendered() -> None:
    with pytest.raises(PageNotRendered, match=r"The page a\.html was never rendered"):
        print(Page("a.html").body)
