"""The state as the product opens it, but given time: a machine that many tests share may stand still for seconds.

Tests of what happens when nothing answers open it as the product does.
"""

from functools import partial
from typing import Final

from proxy.store.redis import open_redis as _open_redis
from proxy.store.sql import open_postgresql as _open_postgresql
from proxy.store.sql import open_store as _open_store

PATIENCE: Final = 30.0

open_store = partial(_open_store, patience=PATIENCE)
open_postgresql = partial(_open_postgresql, patience=PATIENCE)
open_redis = partial(_open_redis, patience=PATIENCE)
