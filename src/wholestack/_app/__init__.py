"""The app: it collects, seals, and is what servers call.

Here belong `App`, `Plugin` and sealing. Never here: how a request is answered (`handlers`), read or sent
(`servers`), or anything that a plugin can do from outside. A call flows so: `use`, `include`, `@get` append (`_app`);
`App.seal` sets the plugins up, walks the routers, compiles a plan for each route and builds the tree (`_seal`); all
faults
are reported together; from then on `App.__call__` is the driver's.
"""

from ._app import App, Plugin

__all__ = ["App", "Plugin"]
