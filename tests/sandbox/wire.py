"""How the sandbox's tests speak to it: over HTTP, in process, with the reference's own JSON."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.types import ASGIApp

from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY

Json = dict[str, Any]

KEYS = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
NOW = datetime(2025, 10, 27, 19, 14, 39, 562322, tzinfo=UTC)
UNKNOWN_GUID = "ffffffff-ffff-4fff-8fff-ffffffffffff"
SELECTION = "11111111-1111-4111-8111-111111111111"

INVENTORY: Json = {
    "name": "inventory",
    "session_id": SANDBOX_SESSION_ID,
    "account_key": None,
    "site_id": 2,
}
TEMPORARY: Json = INVENTORY | {"name": "temporary"}
OTHER_SESSION: Json = TEMPORARY | {"session_id": "another-session"}
PRODUCT = {
    "monetary_format",
    "quantity",
    "quantity_in_stock",
    "sku",
    "product_code",
    "price_details",
    "per_item_price",
    "total_price",
    "asking_price",
    "name",
    "description_short",
    "description_long",
    "labels",
    "image_url_1",
    "image_url_2",
    "image_url_3",
    "image_url_4",
    "image_url_5",
    "image_guid",
    "product_size",
    "third_party_integrations",
    "framing_options",
    "product_guid",
    "debug",
}


def now() -> datetime:
    """The afternoon of the reference's example date."""
    return NOW


def new_image(file_name: str = "sunset.jpg", **members: object) -> Json:
    """One image as ``add_images`` takes it, all members given."""
    return {
        "title": "Sunset",
        "description": "The sun going down.",
        "file_name": file_name,
        "file_size": 12_345_678,
        "thumbnail_file_name": f"200x200_{file_name}",
        "preview_file_name": file_name,
        "hires_file_name": file_name,
        "public_thumbnail_uri": f"https://images.example.com/200x200_{file_name}",
        "public_preview_uri": f"https://images.example.com/preview_{file_name}",
        "private_hires_uri": f"https://images.example.com/{file_name}",
        "pix_w": 6000,
        "pix_h": 4000,
    } | members


@asynccontextmanager
async def calling(app: ASGIApp, keys: dict[str, str] = KEYS) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an application."""
    transport = httpx.ASGITransport(app)
    url = "http://sandbox.localhost"
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=keys) as caller:
        yield caller


async def listed(caller: httpx.AsyncClient, **members: object) -> Json:
    """The answer to ``list_images``; inventory and the largest page unless told otherwise."""
    body = {"library": INVENTORY, "per_page": 50} | members
    answer = await caller.post("/v3/list_images", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def walked(caller: httpx.AsyncClient, **members: object) -> list[Json]:
    """The images of every page."""
    images: list[Json] = []
    while page := (await listed(caller, page_number=len(images) // 50 + 1, **members))["images"]:
        images += page
        if len(page) < 50:
            break
    return images


async def added(caller: httpx.AsyncClient, *images: Json, library: Json = INVENTORY) -> list[Json]:
    """The images of the answer to ``add_images``."""
    answer = await caller.post("/v3/add_images", json={"images": images, "library": library})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["images"])


async def updated(caller: httpx.AsyncClient, *images: Json) -> Json:
    """The status of the answer to ``update_images``."""
    answer = await caller.put("/v3/update_images", json={"images": images, "account_key": None})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["status"])


async def deleted(caller: httpx.AsyncClient, *guids: str, library: Json = INVENTORY) -> Json:
    """The status of the answer to ``delete_images``."""
    body = {"guids": guids, "library": library}
    answer = await caller.request("DELETE", "/v3/delete_images", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["status"])


async def selected(caller: httpx.AsyncClient, *guids: str) -> list[str]:
    """The guids of the answer to ``update_file_selection``."""
    body = {"guid": SELECTION, "guids": guids}
    answer = await caller.put("/v3/update_file_selection", json=body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["guids"])


async def problems(caller: httpx.AsyncClient, verb: str, name: str, body: object) -> Json:
    """The ``ModelState`` of a refused request."""
    answer = await caller.request(verb, f"/v3/{name}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["Message"] == "The request is invalid."
    return dict(answer.json()["ModelState"])
