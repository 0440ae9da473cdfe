"""The live answers of the benchmarks, one module a framework: sockets, a room, events, JSON Lines.

Each has `/plaintext`, the sockets `/echo` (a text comes back) and `/room` (a text goes to all who are there), the stream
of events `/events` of what is posted to `/publish`, and `/lines`. Each is written as the framework's own documentation
shows it; where that shows no way from one who publishes to many, it is the set of sockets, or of queues, that users write.
"""
