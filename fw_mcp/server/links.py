"""The addresses of resources: templates, and the URI of one page."""

from dataclasses import replace

from mcp.shared.uri_template import UriTemplate

from fw_mcp.library.reading import Page, Query

IMAGES = (
    "finerworks://images"
    "{?library,search_filter,active,sort_field,sort_direction,page_number,per_page}"
)
IMAGE = "finerworks://images/{guid}"
SELECTION = "finerworks://selections/{guid}"
CHANGES = "finerworks://changes{?page_number}"
CHANGE = "finerworks://changes/{change_id}{?page_number}"

_PAGES = UriTemplate.parse(IMAGES)
_CHANGES_PAGES = UriTemplate.parse(CHANGES)
_CHANGE_PAGES = UriTemplate.parse(CHANGE)


def page_uri(query: Query) -> str:
    """The URI of the page that `query` names."""
    values = {
        "library": query.library,
        "search_filter": query.search_filter,
        "active": None if query.active is None else str(query.active).lower(),
        "sort_field": query.sort_field,
        "sort_direction": query.sort_direction,
        "page_number": str(query.page_number),
        "per_page": str(query.per_page),
    }
    given = {name: value for name, value in values.items() if value is not None}
    return _PAGES.expand(given)


def next_uri(query: Query, page: Page) -> str | None:
    """The URI of the page after `page`; None on the last, or when no URI can say the query."""
    if page.next_page_number is None or not _sayable(query):
        return None
    return page_uri(replace(query, page_number=page.next_page_number))


def previous_uri(query: Query) -> str | None:
    """The URI of the page before; None on the first."""
    if query.page_number == 1:
        return None
    return page_uri(replace(query, page_number=query.page_number - 1))


def changes_uri(page_number: int) -> str:
    """The URI of a page of changes."""
    return _CHANGES_PAGES.expand({"page_number": str(page_number)})


def change_uri(change_id: str, page_number: int) -> str:
    """The URI of a page of a change's items."""
    return _CHANGE_PAGES.expand({"change_id": change_id, "page_number": str(page_number)})


def _sayable(query: Query) -> bool:
    return not (query.guid_filter or query.upload_date_from or query.upload_date_to)
