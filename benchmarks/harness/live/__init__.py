"""Measures live answers: sockets, rooms, streams of events, JSON Lines, and what each built-in middleware costs.

A run flows as in `harness`: a peer is started on its core, its answers are checked, then all peers are timed in turn,
several rounds over. `generator` is the load: one Python process with uvloop and raw frames, on the other core. It reads
the bytes of a room as one known stream, so that it does much less for a message than any server.
"""
