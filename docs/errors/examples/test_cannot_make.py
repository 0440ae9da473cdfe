from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from wholestack.testing import CannotMake, make


class Word(BaseModel):
    text: Annotated[str, Field(pattern=r"^\p{Greek}+$")]


def test_a_pattern_that_no_text_is_found_for() -> None:
    with pytest.raises(CannotMake, match=r"Give it: make\(Word, text=…\)"):
        make(Word)
    assert make(Word, text="λόγος").text == "λόγος"
