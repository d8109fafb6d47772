"""Importing the SDK quickly changes when validators are built, and nothing else."""

import gc
import subprocess
import sys

import pytest
from pydantic import BaseModel, TypeAdapter

from fw_mcp.server.fast_imports import adapters_deferred, quick_imports


class ImportFailedError(Exception):
    """An import that went wrong."""


def test_models_made_inside_are_built_on_first_use() -> None:
    """A model defined inside has no validator yet, and validates when asked to."""
    with quick_imports():

        class Late(BaseModel):
            number: int

    assert (Late.__pydantic_complete__, Late(number=1).number) == (False, 1)


def test_adapters_made_inside_are_built_on_first_use() -> None:
    """An adapter of a union has no validator yet, and validates when asked to.

    It fails on a pydantic that renamed the one private name this relies on.
    """
    with quick_imports():
        late = TypeAdapter[int | str](int | str)
    assert (late.pydantic_complete, late.validate_python(1)) == (False, 1)


def test_what_is_made_afterwards_is_built_at_once() -> None:
    """Nothing stays deferred once the imports are over."""
    with quick_imports():
        pass

    class Soon(BaseModel):
        number: int

    assert Soon.__pydantic_complete__
    assert TypeAdapter(int | str).pydantic_complete


def test_a_failed_import_leaves_everything_as_it_was() -> None:
    """The collector and pydantic's defaults come back whatever happens."""
    before = (dict(BaseModel.model_config), vars(TypeAdapter)["_defer_build"], gc.isenabled())
    with pytest.raises(ImportFailedError):
        _fail_to_import()
    after = (dict(BaseModel.model_config), vars(TypeAdapter)["_defer_build"], gc.isenabled())
    assert after == before


def _fail_to_import() -> None:
    with quick_imports():
        assert not gc.isenabled()
        raise ImportFailedError


def test_a_collector_that_was_off_stays_off() -> None:
    """Whoever turned it off before decides when it runs again."""
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_pydantic_without_the_private_name_is_left_alone() -> None:
    """A renamed attribute costs time, not the start."""

    class Renamed:
        pass

    with adapters_deferred(Renamed):
        assert not hasattr(Renamed, "_defer_build")


def test_the_module_itself_does_not_import_the_sdk() -> None:
    """Otherwise it would be imported slowly before it could be imported quickly."""
    script = "import sys, fw_mcp.server.fast_imports; sys.exit('mcp' in sys.modules)"
    _run(script)


def test_every_adapter_of_the_protocol_still_works() -> None:
    """All that the SDK deferred can be built from outside the module that made it."""
    script = """
from fw_mcp.server.fast_imports import quick_imports
with quick_imports():
    from pydantic import TypeAdapter
    import mcp.types
    import mcp.client.session, mcp.server.elicitation, mcp.server.mcpserver.prompts.base
import sys
adapters = [
    value
    for name, module in list(sys.modules.items())
    if name.startswith(("mcp", "mcp_types"))
    for value in vars(module).values()
    if isinstance(value, TypeAdapter)
]
assert len(adapters) > 8
for adapter in adapters:
    adapter.rebuild(raise_errors=True)
"""
    _run(script)


def _run(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)
