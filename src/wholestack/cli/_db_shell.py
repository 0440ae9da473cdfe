"""`wholestack db shell`: the database's own client, told where to go; a password stands in no list of processes."""

from __future__ import annotations

import code
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import click
from sqlalchemy import select, text

from wholestack.db import Database

from ._db_find import database_of
from ._shell import run

_CLIENTS = {"sqlite": ("sqlite3",), "postgresql": ("psql",), "mariadb": ("mariadb", "mysql")}


def shell(options: Mapping[str, Any]) -> int:
    """Open it; its exit code."""
    with database_of(options) as database:
        client = next(filter(None, map(shutil.which, _CLIENTS[database.kind])), None)
        if client is not None and not options["python"] and not database.in_memory:
            command, environment = words_for(database, client)
            return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
        in_python(database)
        return 0


def words_for(database: Database, client: str) -> tuple[list[str], dict[str, str]]:
    """The client's words and, apart from them, what its environment holds."""
    url = database.url
    if database.kind == "sqlite":
        return [client, *(["-readonly"] if database.read_only else []), str(url.database)], {}
    if database.kind == "postgresql":
        plain = url._replace(drivername="postgresql", password=None).render_as_string()
        return [client, plain], {"PGPASSWORD": url.password} if url.password else {}
    given = {"host": url.host, "port": url.port, "user": url.username}
    words = [f"--{name}={value}" for name, value in given.items() if value is not None]
    named = [str(url.database)] if url.database else []
    return [client, *words, *named], {"MYSQL_PWD": url.password} if url.password else {}


def in_python(database: Database) -> None:
    """Python with a session, the models by name, and what one asks with; what it wrote is committed by hand."""
    models = {mapper.class_.__name__: mapper.class_ for mapper in database.models.registry.mappers}
    with database.session() as session:
        try:
            names = {**models, "db": session, "select": select, "text": text}
            if not sys.stdin.isatty():
                run(sys.stdin.read(), names)
                return
            listed = ", ".join(sorted(models)) or "none"
            banner = f"db (a session: db.commit() keeps what you wrote), select, text, and the models: {listed}"
            code.interact(banner=banner, local=names, exitmsg="")
        finally:
            session.rollback()
            click.echo("", nl=False)
