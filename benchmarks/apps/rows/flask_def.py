"""Flask with SQLAlchemy's session; answers written by the models of Pydantic."""

from flask import Flask, Response, request
from pydantic import TypeAdapter

from apps.rows import synchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut

app = Flask(__name__)
world, worlds = TypeAdapter(WorldOut), TypeAdapter(list[WorldOut])
many_books, many_fortunes = TypeAdapter(list[BookOut]), TypeAdapter(list[FortuneOut])


def answer(adapter, value, status=200):
    return Response(adapter.dump_json(adapter.validate_python(value)), status, mimetype="application/json")


@app.get("/plaintext")
def plaintext():
    return Response("Hello, World!", mimetype="text/plain")


@app.get("/key/<int:number>")
def key(number):
    with do.sessions() as db:
        return answer(world, do.key(db, number))


@app.get("/keys/<int:number>")
def keys(number):
    with do.sessions() as db:
        return answer(worlds, do.keys(db, number))


@app.get("/books")
def books():
    with do.sessions() as db:
        return answer(many_books, do.books(db))


@app.post("/entries")
def insert():
    new = EntryIn.model_validate_json(request.get_data())
    with do.sessions() as db:
        return answer(world, do.insert(db, new.randomnumber), 201)


@app.post("/updates/<int:number>")
def updates(number):
    with do.sessions() as db:
        return answer(worlds, do.updates(db, number))


@app.get("/fortunes")
def fortunes():
    with do.sessions() as db:
        return answer(many_fortunes, do.fortunes(db))
