"""A host that shows no tool until it is asked for finds the right one by a seller's own words."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.types import Tool

from fw_mcp.guard.effects import EFFECTS
from tests.support.contract import published
from tests.support.ranking import Ranking

DATA = Path(__file__).parent / "ranking"
QUERIES = tomllib.loads((DATA / "queries.toml").read_text(encoding="utf-8"))


def peers() -> Iterator[tuple[str, str]]:
    """Each tool of three other servers: its name, and all that a host goes by."""
    for server in json.loads((DATA / "peers.json").read_text(encoding="utf-8")):
        for tool in server["tools"]:
            words = [tool["name"], tool["title"], tool["description"], *tool["arguments"]]
            yield f"{server['source']} {tool['name']}", " ".join(words)


def ours(tools: tuple[Tool, ...]) -> Iterator[tuple[str, str]]:
    """The same of our tools."""
    for tool in tools:
        words = [tool.name, tool.title, tool.description, *tool.input_schema["properties"]]
        yield tool.name, " ".join(filter(None, words))


@pytest.fixture(scope="module")
def places() -> dict[str, int]:
    """By each query the place of the tool that it means; 0 where it is not found."""
    ranking = Ranking({**dict(peers()), **dict(ours(published().tools))})
    return {
        query: found.index(tool) + 1 if tool in (found := ranking.best(query)) else 0
        for tool in EFFECTS
        for query in QUERIES[tool]
    }


def test_the_right_tool_is_found_first_by_three_queries_of_four(places: dict[str, int]) -> None:
    """And is among the first three by nine of ten."""
    others = {query: place for query, place in places.items() if place != 1}
    assert len(others) <= 0.25 * len(places), others
    assert sum(not 1 <= place <= 3 for place in places.values()) <= 0.10 * len(places), others


def test_each_tool_is_asked_for_in_several_ways_among_others() -> None:
    """A query is in one place only, and the other servers are there to be mistaken for ours."""
    assert min(len(QUERIES[tool]) for tool in EFFECTS) >= 8
    asked = [query for queries in QUERIES.values() for query in queries]
    assert len(set(asked)) == len(asked) >= 60
    assert len(dict(peers())) >= 60
