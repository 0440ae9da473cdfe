"""Measures back offices on a million rows: each in a process of its own, asked without a server, all in turn on one core."""
