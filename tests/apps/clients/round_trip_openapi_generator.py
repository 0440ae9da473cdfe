"""The round trip through openapi-generator's Python client, whose models are Pydantic's."""

import json
import sys
from collections.abc import Callable

from airports_pydantic import ApiClient, Configuration, ReadingApi, WritingApi
from airports_pydantic.exceptions import ApiException
from airports_pydantic.models.airport import Airport
from airports_pydantic.models.partial_details import PartialDetails
from airports_pydantic.models.problem import Problem

address, code = sys.argv[1:]
reading = ReadingApi(ApiClient(Configuration(host=address)))
anyone = WritingApi(ApiClient(Configuration(host=address)))
writing = WritingApi(ApiClient(Configuration(host=address, api_key={"writing-key": "demo"})))
body = Airport(code=code, name="Field", city="Town", state="NY", latitude=40.5, longitude=-73.5)


def problem(call: Callable[[], object]) -> Problem:
    """What the call is refused with."""
    try:
        call()
    except ApiException as error:
        assert isinstance(error.data, Problem)
        return error.data
    raise AssertionError("It was not refused.")


found = reading.list_airports(state="HI", limit=2)
states = reading.states()
away = reading.distance(a="JFK", b="LAX", unit="km")
refused = problem(lambda: anyone.create_airport(body))
created = writing.create_airport_with_http_info(body)
taken = problem(lambda: writing.create_airport(body))
wrong = Airport.model_construct(code=code, name="", city="Town", state="NY", latitude=91.0, longitude=-73.5)
faulty = problem(lambda: writing.create_airport(wrong))
changed = writing.change_airport(code, PartialDetails(name="New"))
read = reading.read_airport(code)
near = reading.nearest(code, count=1)
rows = f"code,name,city,state,latitude,longitude\n{code},Again,Town,NY,1,2\n".encode()
imported = writing.import_airports(("rows.csv", rows))
whole = reading.download()
deleted = writing.delete_airport_with_http_info(code)
missing = problem(lambda: reading.read_airport(code))

print(
    json.dumps(
        {
            "found": [found.total, len(found.airports), found.airports[0].state],
            "hawaii": states["HI"],
            "distance": [away.distance, away.unit],
            "refused": refused.code,
            "created": [created.status_code, created.data.name],
            "taken": taken.code,
            "faulty": [each.pointer for each in faulty.errors or []],
            "changed": changed.name,
            "read": [read.name, read.latitude],
            "near": len(near),
            "imported": [imported.added, imported.replaced],
            "csv": whole.splitlines()[0],
            "deleted": deleted.status_code,
            "missing": missing.code,
        }
    )
)
