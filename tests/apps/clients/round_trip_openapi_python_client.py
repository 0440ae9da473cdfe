"""The round trip through openapi-python-client's functions."""

import json
import sys
from io import BytesIO

from airports_attrs import AuthenticatedClient, Client
from airports_attrs.api.reading import distance, download, list_airports, nearest, read_airport, states
from airports_attrs.api.writing import change_airport, create_airport, delete_airport, import_airports
from airports_attrs.models import (
    Airport,
    Distance,
    DistanceUnit,
    Found,
    ImportAirportsBody,
    Imported,
    PartialDetails,
    Problem,
    StatesResponse200,
)
from airports_attrs.types import File

address, code = sys.argv[1:]
anyone = Client(base_url=address, raise_on_unexpected_status=True)
writer = AuthenticatedClient(address, token="demo", prefix="", auth_header_name="x-api-key")
stranger = AuthenticatedClient(address, token="guessed", prefix="", auth_header_name="x-api-key")
body = Airport(code=code, name="Field", city="Town", state="NY", latitude=40.5, longitude=-73.5)

found = list_airports.sync(client=anyone, state="HI", limit=2)
named = states.sync(client=anyone)
away = distance.sync(client=anyone, a="JFK", b="LAX", unit=DistanceUnit.KM)
refused = create_airport.sync(client=stranger, body=body)
created = create_airport.sync_detailed(client=writer, body=body)
taken = create_airport.sync(client=writer, body=body)
wrong = Airport(code=code, name="", city="Town", state="NY", latitude=91, longitude=-73.5)
faulty = create_airport.sync(client=writer, body=wrong)
changed = change_airport.sync(code, client=writer, body=PartialDetails(name="New"))
read = read_airport.sync(code, client=anyone)
near = nearest.sync(code, client=anyone, count=1)
rows = f"code,name,city,state,latitude,longitude\n{code},Again,Town,NY,1,2\n".encode()
sent = ImportAirportsBody(file=File(payload=BytesIO(rows), file_name="rows.csv"))
imported = import_airports.sync(client=writer, body=sent)
whole = download.sync(client=anyone)
deleted = delete_airport.sync_detailed(code, client=writer)
missing = read_airport.sync(code, client=anyone)

assert isinstance(found, Found) and isinstance(away, Distance) and isinstance(created.parsed, Airport)
assert isinstance(refused, Problem) and isinstance(taken, Problem) and isinstance(missing, Problem)
assert isinstance(faulty, Problem) and isinstance(faulty.errors, list) and isinstance(near, list)
assert isinstance(changed, Airport) and isinstance(read, Airport) and isinstance(imported, Imported)
assert isinstance(named, StatesResponse200) and isinstance(whole, str)
print(
    json.dumps(
        {
            "found": [found.total, len(found.airports), found.airports[0].state],
            "hawaii": named["HI"],
            "distance": [away.distance, away.unit.value],
            "refused": refused.code,
            "created": [created.status_code.value, created.parsed.name],
            "taken": taken.code,
            "faulty": [each.pointer for each in faulty.errors],
            "changed": changed.name,
            "read": [read.name, read.latitude],
            "near": len(near),
            "imported": [imported.added, imported.replaced],
            "csv": whole.splitlines()[0],
            "deleted": deleted.status_code.value,
            "missing": missing.code,
        }
    )
)
