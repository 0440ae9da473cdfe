"""The documentation page in a real browser: an app on a real server, and a page of the browser that shows it."""

from __future__ import annotations

from typing import Any


class Tab:
    """A page in the browser, and everything that went wrong in it."""

    def __init__(self, page: Any, address: str, path: str = "/docs") -> None:
        self.page = page
        self.address = address
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"
        )
        page.set_default_timeout(20_000)
        page.goto(f"{address}{path}")
        page.wait_for_selector(".opblock")

    def open(self, operation: str) -> Any:
        block = self.page.locator(f"#operations-{operation}")
        block.locator(".opblock-summary-control").click()
        block.locator(".try-out__btn").click()
        return block

    def execute(self, block: Any) -> str:
        block.locator(".execute").click()
        answer = block.locator(".live-responses-table .response .microlight").first
        answer.wait_for()
        return str(answer.inner_text())

    def check(self, elsewhere: tuple[str, ...]) -> None:
        """Nothing went wrong, and nobody else was asked."""
        assert self.wrong == []
        known = (f"{self.address}/", "data:", *elsewhere)
        assert [url for url in self.asked if not url.startswith(known)] == []
