"""Print how much a model reads of twelve typical calls on the sandbox: text, JSON, tokens.

Run it before and after a change of answers, on a checkout of each, and put the tables side by side.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from session import Session

SERVER = (sys.executable, "-m", "fw_mcp", "--sandbox", "--store", ":memory:")
# No tokenizer comes with the project; four bytes a token is what English takes.
BYTES_A_TOKEN = 4


def asking() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the calls that take no guid: what each shows, its tool and arguments."""
    search, products = "search_images", "search_products"
    yield "a page of 25 images", search, {}
    yield (
        "ten of a series, in full",
        search,
        {
            "search_filter": "fog",
            "per_page": 10,
            "details": True,
        },
    )
    yield "untitled images", search, {"only": ["missing_title"]}
    yield "a summary", search, {"summary": True, "print_size": "16x20 in"}
    yield "ten products", products, {}
    yield "a summary of products", products, {"summary": True}


def naming(guids: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the calls on images that a page listed."""
    texts = [{"guid": guid, "title": f"Fog over the bay {guid[:4]}"} for guid in guids]
    update, delete = "update_image_metadata", "delete_images"
    yield "one image, in full", "search_images", {"guid_filter": guids[:1], "details": True}
    yield "25 new titles, as a dry run", update, {"images": texts, "dry_run": True}
    yield "the question before them", update, {"images": texts}
    yield "the question before ten deletions", delete, {"guids": guids[:10]}
    yield "ten deletions, as a dry run", delete, {"guids": guids[:10], "dry_run": True}
    yield "a selection of ten", "set_selection", {"guids": guids[:10]}


def measured(server: Session, tool: str, arguments: dict[str, Any]) -> tuple[int, int]:
    """Make a call, and give the bytes of its text and of its structured content."""
    answer = server.request("tools/call", {"name": tool, "arguments": arguments})
    result = json.loads(answer)["result"]
    if result.get("isError"):
        raise RuntimeError(f"{tool}: {result['content'][0]['text']}")
    text = "".join(block.get("text", "") for block in result["content"])
    structured = json.dumps(result["structuredContent"], separators=(",", ":"), ensure_ascii=False)
    return len(text.encode()), len(structured.encode())


def main() -> None:
    """Print a row a call, and the sum."""
    print(f"{'call':<36}{'text':>9}{'JSON':>9}{'tokens':>9}{'of JSON':>9}")
    rows: list[tuple[int, int]] = []
    with Session(SERVER) as server:
        page = server.request("tools/call", {"name": "search_images", "arguments": {}})
        images = json.loads(page)["result"]["structuredContent"]["images"]
        for shows, tool, arguments in [*asking(), *naming([row["guid"] for row in images])]:
            rows.append(measured(server, tool, arguments))
            print(as_row(shows, *rows[-1]))
    print(as_row("in all", sum(text for text, _ in rows), sum(data for _, data in rows)))


def as_row(shows: str, text: int, structured: int) -> str:
    """Write a call's figures as a row for a person."""
    tokens = f"{text // BYTES_A_TOKEN:>9,}{structured // BYTES_A_TOKEN:>9,}"
    return f"{shows:<36}{text:>9,}{structured:>9,}{tokens}"


if __name__ == "__main__":
    main()
