"""What every peer shows, and what the harness compares it with. The standard library only."""

import hashlib
import os

FORTUNES = (
    (1, "A test that cannot fail has told you nothing yet."),
    (2, "Whoever measures twice has two figures, and a question."),
    (3, "<script>alert('this fortune must be shown, not run')</script>"),
    (4, 'Zoë & Łukasz say: "an ampersand & a quote\'s place is in the test data".'),
    (5, "The second bug is found by the repair of the first."),
    (6, "今日のバグは明日の仕様。"),
    (7, "An index costs on each write and is missed on each read."),
    (8, "Never trust a clock that nobody has set."),
    (9, "The shortest comment is a good name."),
    (10, "Before noon all queries are fast."),
    (11, "Yesterday's cache answers tomorrow's question."),
    (12, "Keep a copy of what you are about to improve."),
)
EXTRA = "Added while the request was answered."
MEMBER = (1, "Ada <Lovelace>")
VISITS = 7
PERSON, READER = ("ada@example.com", "Ada <Lovelace>"), ("charles@example.com", "Charles Babbage")
"""Two accounts, address and name: the first may publish by a group, the second may not."""
PASSWORD = "an engine weaves patterns"
PERMISSION = "pages.publish"
TOPICS = {"bug": "A bug", "idea": "An idea", "praise": "Praise", "other": "Something else"}
LABELS = {"name": "Your name", "email": "Email", "age": "Age", "topic": "Topic", "message": "Message"}
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
GOOD = {
    "name": "Grace Hopper",
    "email": "grace@example.com",
    "age": "37",
    "topic": "idea",
    "message": "A moth was in the relay.\r\nIt is taped into the log book now.",
}
BAD = {**GOOD, "name": "", "email": "grace at example.com", "age": "7"}
"""Three faults, and two values that are right and must still be there when the page is shown again."""
CSS = (
    "".join(
        f".part-{n} {{ margin: {n % 9}px; padding: {n % 7}px {n % 5}px; color: #{n * 7919 % 0xFFFFFF:06x}; }}\n"
        for n in range(150)
    )
    .ljust(10_240)
    .encode()[:10_240]
)
"""10 KiB of rules."""
CSS_NAME = f"app.{hashlib.sha256(CSS).hexdigest()[:12]}.css"


def folder(name: str) -> str:
    """A folder that the harness has made for the peers: `source`, `named`, `django`, `wholestack`, `uploads`."""
    return os.path.join(os.environ["BENCH_FOLDER"], name)


def templates(name: str) -> list[str]:
    """Where the templates of a peer lie: its own, and those that all peers with Jinja share."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
    return [os.path.join(here, name), os.path.join(here, "jinja")]
