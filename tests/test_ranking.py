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
QUERIES = {
    name: tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))
    for name in ("queries", "strangers")
}


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
def ranking() -> Ranking:
    """Our tools among those of other servers."""
    return Ranking({**dict(peers()), **dict(ours(published().tools))})


@pytest.mark.parametrize("name", QUERIES)
def test_the_right_tool_is_found_first_by_three_queries_of_four(
    ranking: Ranking, name: str
) -> None:
    """And is among the first three by nine of ten."""
    places = {
        query: found.index(tool) + 1 if tool in (found := ranking.best(query)) else 0
        for tool in EFFECTS
        for query in QUERIES[name][tool]
    }
    others = {query: place for query, place in places.items() if place != 1}
    assert len(others) <= 0.25 * len(places), others
    assert sum(not 1 <= place <= 3 for place in places.values()) <= 0.10 * len(places), others


@pytest.mark.parametrize("name", QUERIES)
def test_each_tool_is_asked_for_in_several_ways_among_others(name: str) -> None:
    """A query is in one place only, and the other servers are there to be mistaken for ours."""
    assert min(len(QUERIES[name][tool]) for tool in EFFECTS) >= 8
    asked = [query for group in QUERIES.values() for queries in group.values() for query in queries]
    assert len(set(asked)) == len(asked) >= 60
    assert len(dict(peers())) >= 60
