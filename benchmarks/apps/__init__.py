"""The applications that are measured: one file per framework, each written as that framework's own documentation shows.

Every file answers the same addresses (`harness/workloads.py` lists them and checks the answers). What they share
stands in `data.py` (plain values), `models.py` (Pydantic) and `structs.py` (msgspec).
"""
