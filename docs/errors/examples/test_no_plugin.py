import pytest

from wholestack import App, SetupError


class Clock:
    def setup(self, app: App) -> None:
        """Nothing to add."""


class Calendar:
    def setup(self, app: App) -> None:
        self.clock = app.plugin(Clock)


app = App()
app.use(Calendar())


def test_no_plugin() -> None:
    with pytest.raises(SetupError, match="no-plugin"):
        app.seal()
