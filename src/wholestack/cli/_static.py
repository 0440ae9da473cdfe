"""`wholestack static build`: an app's static files written out, for a proxy or a network of caches."""

from __future__ import annotations

import click

from ._words import Commands, apps


@click.group("static", cls=Commands)
def static() -> None:
    """Write out the static files of an app."""


@static.command("build")
@click.argument("target", default=".", metavar="[APP]", shell_complete=apps)
@click.option("--output", "-o", default="static-built", show_default=True, metavar="FOLDER", help="Where to.")
def build_files(target: str, output: str) -> None:
    """Write each static file under the name that its content gives it, packed beside it, with a static-names.json.

    Nginx serves the folder as it is (gzip_static on; brotli_static on), and so does Static(built=FOLDER).
    """
    from wholestack import SetupError
    from wholestack.static import Static, build

    from ._fail import Stop
    from ._sealing import sealed

    try:
        plugin = sealed(target).plugin(Static)
    except SetupError as error:
        if error.faults[0].code != "no-plugin":
            raise
        raise Stop("The app has no static files: app.use(Static())") from None
    count = build(plugin, output)
    click.echo(f"Wrote {count} files to {output}.")
