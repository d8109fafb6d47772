"""The client libraries that are tried, with the versions that are installed: the one place of both.

What each does is a file in `docs/agents/`, which this program plays and a developer copies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "docs" / "agents"
STEPS = ("connect", "list", "search", "view", "add", "no", "yes")
BOTH = ("stdio", "http")
_AS_TEXT = "it gives a model pictures as base64 text"


@dataclass(frozen=True)
class Client:
    """A library at one version.

    Attributes:
        file: what is played, in `docs/agents/`.
        packages: what its package manager installs, first the library itself.
        asks: how a person is asked: "elicitation" or "plan_id".
        transports: which of stdio and http it is tried on.
        theirs: the steps that do not work and are its own fault, with a sentence each.
        sample: whether continuous integration tries it.
    """

    file: str
    packages: tuple[str, ...]
    asks: str = "elicitation"
    transports: tuple[str, ...] = BOTH
    theirs: Mapping[str, str] = field(default_factory=dict)
    sample: bool = False

    @property
    def name(self) -> str:
        """The library's name at its registry, without extras."""
        return self._pin[0].partition("[")[0]

    @property
    def version(self) -> str:
        """As pinned."""
        return self._pin[1]

    @property
    def is_node(self) -> bool:
        """Whether npm installs it."""
        return self.file.endswith(".mjs")

    @property
    def _pin(self) -> tuple[str, str]:
        name, _, version = self.packages[0].rpartition("@" if self.is_node else "==")
        return name, version


CLIENTS = (
    Client("mcp-1.py", ("mcp==1.30.0",), sample=True),
    Client("mcp-2.py", ("mcp==2.3.0",), sample=True),
    Client("fastmcp-client.py", ("fastmcp==2.14.7",)),
    Client("fastmcp-client.py", ("fastmcp==3.4.11",)),
    Client("fastmcp-client.py", ("fastmcp==4.2.3",)),
    Client("langchain-mcp-adapters.py", ("langchain-mcp-adapters==0.3.2",)),
    Client("openai-agents.py", ("openai-agents==0.24.0",), asks="plan_id"),
    Client("pydantic-ai.py", ("pydantic-ai-slim[mcp]==2.68.0",)),
    Client("google-adk.py", ("google-adk[mcp]==2.13.0",), theirs={"view": _AS_TEXT}),
    Client(
        "llama-index.py",
        ("llama-index-tools-mcp==0.6.0",),
        asks="plan_id",
        theirs={"view": _AS_TEXT},
    ),
    Client(
        "smolagents-tools.py", ("smolagents[mcp]==1.26.0", "mcp<2", "websockets"), asks="plan_id"
    ),
    Client("typescript-sdk-1.mjs", ("@modelcontextprotocol/sdk@1.32.2",), sample=True),
    Client("typescript-sdk-2.mjs", ("@modelcontextprotocol/client@2.4.0",), sample=True),
    Client("ai-sdk.mjs", ("@ai-sdk/mcp@2.0.99",)),
    Client(
        "mcp-remote.mjs",
        ("mcp-remote@0.15.1", "@modelcontextprotocol/sdk@1.32.2"),
        transports=("http",),
    ),
)
