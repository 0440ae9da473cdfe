"""Alembic's own log is for those who use it by itself; what we do with it, we say."""

from __future__ import annotations

import logging

LOG = logging.getLogger("alembic")
if LOG.level == logging.NOTSET:
    LOG.setLevel(logging.WARNING)
