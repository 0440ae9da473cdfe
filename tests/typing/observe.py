"""What observes an app, as it is used: each line with `# wrong` has an error, and no other line has."""

from __future__ import annotations

from wholestack import App
from wholestack.debug import LoopGuard, show_errors
from wholestack.observe import Health, Metrics, Telemetry, configure_logging, outgoing_headers, redacted_text


def stock(app: App) -> bool:
    return bool(app.title)


async def queue() -> None: ...


app = App()
app.use(Health(stock, queue, patience=1.5), Metrics("/m", buckets=[0.1, 1]), Telemetry(trust=True), LoopGuard(0.1))
show_errors(app)
headers: dict[str, str] = outgoing_headers()
text: str = redacted_text("token=a")

Health(3)  # wrong
Health(stock, patience="1")  # wrong
Metrics(path=3)  # wrong
Metrics(buckets="rising")  # wrong
Telemetry(True)  # wrong
LoopGuard(share="all")  # wrong
LoopGuard(0.1, 0.5)  # wrong
show_errors(3)  # wrong
configure_logging(True)  # wrong
redacted_text(b"token=a")  # wrong
