"""`--wholestack-routes`: which routes, statuses and declared errors no test reached."""

from __future__ import annotations

import pytest

from wholestack.testing import Coverage, Reached

from . import named_app, usual_app


class Routes:
    """Listens while the tests run, and tells at their end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._least: float | None = config.getoption("--wholestack-routes-fail-under")
        self._reached = Reached()
        self._coverage: Coverage | None = None

    def pytest_sessionstart(self) -> None:
        """Begin to listen."""
        self._reached.__enter__()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Count; a run that is green but reached too little is not."""
        self._reached.__exit__()
        app = named_app(self._config)
        if app is None and not self._reached.apps:
            app = usual_app(self._config)
            if app is None:
                return
        self._coverage = self._reached.coverage(*([app] if app is not None else []))
        if self._is_under() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _is_under(self) -> bool:
        return self._coverage is not None and self._least is not None and self._coverage.percent < self._least

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what is missing."""
        write = terminalreporter.write_line
        terminalreporter.section("routes")
        if self._coverage is None:
            write("No client of wholestack.testing asked an app; name one by wholestack_app in the ini file.")
            return
        found = self._coverage
        for gap in found.gaps:
            write(str(gap))
        write(f"{found.reached} of {found.declared} statuses and errors were reached: {found.percent:g} %.")
        if self._is_under():
            write(f"FAILED: {self._least:g} % are asked for.", red=True)
