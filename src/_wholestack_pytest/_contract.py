"""`--wholestack-contract`: a test for each operation of the app's document."""

from __future__ import annotations

import os
import sysconfig
import traceback
from typing import Any

import pytest

import wholestack
from wholestack.errors import SetupError, WholestackError
from wholestack.testing import ClientFault, Contract, UnexpectedAnswer

from . import named_app, usual_app

_PATHS = sysconfig.get_paths()
_BETWEEN = (_PATHS["purelib"], _PATHS["stdlib"], os.path.dirname(wholestack.__file__), os.path.dirname(__file__))
_HOW = "Name it by --wholestack-app path/to/app.py, or by `wholestack_app` in the ini file."


class Operations:
    """Adds the tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among them, too
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Put a test for each operation behind all others."""
        contract = self._contract()
        items += [
            Operation.from_parent(session, name=name, nodeid=f"contract::{name}", contract=contract)
            for name in contract.operations
        ]

    def _contract(self) -> Contract:
        option = self._config.option
        app = named_app(self._config) or usual_app(self._config)
        if app is None:
            raise pytest.UsageError(f"The contract of which app? {_HOW}")
        fields = [field.partition(":") for field in option.wholestack_contract_header]
        wrong = [name for name, colon, value in fields if not (name.strip() and colon)]
        if wrong:
            raise pytest.UsageError(f"{wrong[0]!r} is no header field. Write it as 'name: value'.")
        try:
            return Contract(
                app,
                url=option.wholestack_contract_url,
                interface=option.wholestack_contract_interface,
                headers={name.strip(): value.strip() for name, _, value in fields},
                examples=option.wholestack_contract_examples,
            )
        except (ClientFault, SetupError) as error:
            raise pytest.UsageError(str(error)) from None


class Operation(pytest.Item):
    """One operation."""

    def __init__(self, *, contract: Contract, **more: Any) -> None:
        super().__init__(**more)
        self._contract = contract

    def runtest(self) -> None:
        """Ask it."""
        self._contract.check(self.name)

    def reportinfo(self) -> tuple[str, None, str]:
        """What stands above a failure."""
        return "contract", None, f"contract of {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A fault of the contract in its own words; an error of a handler with its traceback."""
        error = excinfo.value
        if isinstance(error, UnexpectedAnswer):
            return str(error)
        # What lies between the test and the handler is no concern of who reads this.
        kept = traceback.TracebackException.from_exception(error)
        own = [frame for frame in kept.stack if not frame.filename.startswith(_BETWEEN)]
        ours = isinstance(error, WholestackError)
        kept.stack = traceback.StackSummary.from_list(own if own or ours else kept.stack)
        return "".join(kept.format())
