"""The OpenAPI 3.1 document of the endpoints, drawn from the table that serves them."""

from fw_mcp.sandbox.endpoints import ENDPOINTS, CarriedBy, Endpoint
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from fw_mcp.sandbox.requests import Members, Schema

VERSION = "3"

_KEYS = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}

_TEXT: Schema = {"type": "string"}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_NUMBER: Schema = {"type": "integer"}
_DATE: Schema = {"type": "string", "description": "2025-10-27T14:14:39.5623224-05:00"}
_GUID: Schema = {"type": "string", "format": "uuid"}
_LIST_OF_GUIDS: Schema = {"type": "array", "items": _GUID}

_STATUS: Schema = {
    "type": "object",
    "properties": {
        "success": {"type": "boolean"},
        "status_code": _NUMBER,
        "message": _MAYBE_TEXT,
        "debug": _MAYBE_TEXT,
        "reference_id": _TEXT,
        "domain": _MAYBE_TEXT,
    },
    "required": ["success", "status_code"],
}

_IMAGE_MEMBERS: Schema = {
    "id": _NUMBER,
    "guid": _GUID,
    "title": _MAYBE_TEXT,
    "description": _MAYBE_TEXT,
    "file_name": _TEXT,
    "file_size": {"type": "integer", "description": "bytes"},
    "thumbnail_file_name": _MAYBE_TEXT,
    "preview_file_name": _MAYBE_TEXT,
    "hires_file_name": _MAYBE_TEXT,
    "public_thumbnail_uri": _MAYBE_TEXT,
    "public_preview_uri": _MAYBE_TEXT,
    "personal_gallery_title": _MAYBE_TEXT,
    "members_gallery_category": _MAYBE_TEXT,
    "private_hires_uri": _TEXT,
    "pix_w": _NUMBER,
    "pix_h": _NUMBER,
    "date_added": _DATE,
    "date_expires": _DATE | {"type": ["string", "null"]},
    "active": {"type": "boolean"},
    "products": {"type": ["array", "null"], "items": {"type": "object"}},
}
_IMAGE_DETAILS: Schema = {
    "type": "object",
    "properties": _IMAGE_MEMBERS,
    "required": list(_IMAGE_MEMBERS),
}

_GIVEN: dict[str, Schema] = {
    "images": {"type": "array", "items": {"$ref": "#/components/schemas/image_details"}},
    "page_number": _NUMBER,
    "per_page": {"type": "integer", "description": "how many rows this page holds"},
    "count": {"type": "integer", "description": "how many rows match in all"},
    "guids": _LIST_OF_GUIDS,
    "products": {"type": "array", "items": {"type": "object"}},
    "user_account": {"type": "object"},
}

_WEB_API_ERROR: Schema = {
    "type": "object",
    "properties": {
        "Message": _TEXT,
        "ModelState": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": _TEXT},
        },
    },
    "required": ["Message"],
}


def document(base_url: str) -> Schema:
    """The whole document.

    Args:
        base_url: where the sandbox is reached.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "FinerWorks v3 image API (sandbox)", "version": VERSION},
        "servers": [{"url": base_url.rstrip("/")}],
        "security": [{"web_api_key": [], "app_key": []}],
        "paths": {f"/v3/{e.name}": {e.verb.lower(): _operation(e)} for e in ENDPOINTS},
        "components": {
            "securitySchemes": {name: _key(name, key) for name, key in _KEYS.items()},
            "schemas": {
                "status": _STATUS,
                "image_details": _IMAGE_DETAILS,
                "web_api_error": _WEB_API_ERROR,
            },
        },
    }


def _operation(endpoint: Endpoint) -> Schema:
    accepted = Members(endpoint.accepts).schema()
    carried = _parameters(accepted) if endpoint.carried_by is CarriedBy.QUERY else _body(accepted)
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        **carried,
        "responses": {
            str(endpoint.status_code): _content("The answer.", _answer(endpoint)),
            "400": _content("Keys or request refused.", _reference("web_api_error")),
        },
    }


def _parameters(accepted: Schema) -> Schema:
    members = accepted["properties"]
    if not isinstance(members, dict) or not members:
        return {}
    return {
        "parameters": [
            {"name": name, "in": "query", "required": True, "schema": schema}
            for name, schema in members.items()
        ]
    }


def _body(accepted: Schema) -> Schema:
    return {"requestBody": {"required": True} | {"content": {"application/json": _of(accepted)}}}


def _answer(endpoint: Endpoint) -> Schema:
    members = {"status": _reference("status")} | {name: _GIVEN[name] for name in endpoint.gives}
    return {"type": "object", "properties": members, "required": list(members)}


def _content(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": _of(schema)}}


def _of(schema: Schema) -> Schema:
    return {"schema": schema}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _key(name: str, key: str) -> Schema:
    return {"type": "apiKey", "in": "header", "name": name, "description": f"The sandbox's: {key}"}
