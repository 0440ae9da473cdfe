"""What stands behind the guards, and how strict they are."""

from os import environ

GUARD = environ.get("BENCH_GUARD", "none")
SITE = "https://app.example"
HOSTS = ["127.0.0.1", "*.example.org"]
OFTEN = 10_000_000
THINGS = [
    {"id": number, "name": f"Thing number {number}", "price": number / 4, "tags": ["a", "b"]} for number in range(40)
]
