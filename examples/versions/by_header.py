"""The same versions, told apart by a header field."""

from examples.versions.app import v1, v2

# [by-header]
from wholestack import App
from wholestack.openapi import OpenAPI, VersionHeader

app = App(title="Cinema", version="2.0.0")
app.use(VersionHeader({"1": "/v1", "2": "/v2"}, default="2"), OpenAPI(versions={"/v1": "1.4.0", "/v2": "2.0.0"}))
app.include(v1)
app.include(v2)
# [/by-header]
