"""What docs/learn/first-api.md says of its first six lines."""

from examples.first.hello import app

from wholestack.testing import Client


def test_hello() -> None:
    client = Client(app)
    assert client.get("/hello/ada").text == "Hello, ada!"
    assert client.get("/hello/ada?shout=yes").text == "HELLO, ADA!"
    problem = client.get("/hello/ada?shout=perhaps").expect(422).json()
    assert problem["errors"] == [
        {
            "in": "query",
            "pointer": "/shout",
            "code": "bool_parsing",
            "detail": "Input should be a valid boolean, unable to interpret input",
        }
    ]
