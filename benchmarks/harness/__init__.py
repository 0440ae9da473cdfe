"""Measures web frameworks side by side, fairly, with the standard library and `wrk`.

What belongs here: starting and stopping servers, asking and checking, timing, writing the report. What never does:
an application (those are in `apps/`), a third-party import, an address other than 127.0.0.1, a loop without an end.

How a run flows: `peers` says what can be started and `workloads` what is asked of it → `servers` starts a peer →
`checks` compares every answer field by field, and a wrong one takes the peer out → `rounds` lets `load` time all
peers in turn, several times → `growth` measures start-up, memory and the cost of routes → `report` and `chart` write.
"""
