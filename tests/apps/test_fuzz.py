"""The example under schemathesis, with three seeds: what its document allows and much that it does not; nothing is a
5xx.

One check of schemathesis is left out: `negative_data_rejection` counts it a fault that Pydantic reads `"1"` or
`false` where a
number is wanted, which is how Pydantic's own documentation has it (a model may say ``strict=True``).
"""

import sys

import schemathesis
from examples.airports.app import app
from hypothesis import HealthCheck, Phase, seed, settings
from schemathesis.checks import CHECKS

EXAMPLES = 150 if "--long" in sys.argv else 10
LEFT_OUT = {"negative_data_rejection"}
# The example keeps a bounded number of airports: a fuzzer that creates them ends at a 409, not at the end of memory.
KEY = {"x-api-key": "demo"}

# A stream of events has no end that a fuzzer could wait for; tests/public/realtime asks for those.
schema = schemathesis.openapi.from_asgi("/openapi.json", app).exclude(path="/changes")

# No schema can say what a file must hold, which passwords are right or too common, and which links were mailed: of these
# every other check is asked.
KNOWS_MORE = {
    "/import",
    "/account/login",
    "/account/sign-up",
    "/account/confirm/{token}",
    "/account/new-email/{token}",
    "/account/reset/{token}",
}
checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in LEFT_OUT]
most_checks = [each for each in checks if each.__name__ != "positive_data_acceptance"]


def fuzz(number: int):
    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @schema.parametrize()
    def test(case):
        answer = case.call(headers=KEY)
        assert answer.status_code < 500, answer.text
        asked = checks if case.path not in KNOWS_MORE else most_checks
        case.validate_response(answer, checks=asked, headers=KEY)

    return test


test_seed_1, test_seed_2, test_seed_3 = fuzz(1), fuzz(2), fuzz(3)
