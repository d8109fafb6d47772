"""Import the MCP SDK quickly.

Most of the time the SDK takes to import goes into building validators for three sets of protocol
models, of which one session uses a few. Inside `quick_imports` pydantic puts each of them off
until its first use. This module must not import the SDK itself.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from pydantic import BaseModel, TypeAdapter


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import inside this: validators are built on first use, and the collector does not run.

    Modules that are already imported stay as they are. On leaving, everything alive is exempted
    from collection: imported code lives as long as the process, and walking it again and again
    costs more than all else that is imported. So use it where a process starts.
    """
    with _collector_off(), _models_deferred(), adapters_deferred(TypeAdapter):
        yield


@contextmanager
def _collector_off() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextmanager
def _models_deferred() -> Iterator[None]:
    config = cast("dict[str, object]", BaseModel.model_config)
    before = config.copy()
    config["defer_build"] = True
    try:
        yield
    finally:
        config.clear()
        config.update(before)


@contextmanager
def adapters_deferred(adapter: type) -> Iterator[None]:
    """Have each new `adapter` built on first use.

    Pydantic asks this of an adapter's own configuration, which the SDK does not give, and has no
    public default for it. Without the private name it has in pydantic 2.14 nothing is deferred.

    Args:
        adapter: pydantic's `TypeAdapter`.
    """
    name = "_defer_build"
    before = vars(adapter).get(name)
    if before is None:
        yield
        return
    setattr(adapter, name, property(lambda _: True))
    try:
        yield
    finally:
        setattr(adapter, name, before)
