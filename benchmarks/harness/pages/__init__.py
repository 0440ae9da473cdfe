"""Measures pages: fortunes, a form with session, user and CSRF token, a static file, an upload.

A run flows as in `harness`: `ground` makes the database and the folders, peers are started on their core, `lines` visits each as
a browser does (`browser`: cookies and the token of the form) and compares what the pages show (`content`), then `rounds` times
all peers in turn. `upload` sends a large file, compares what lies on the disk, and looks at the memory. `report` writes.
"""
