"""What a summary counts, said back: a number without its question answers another one."""

from fw_mcp.images.filters import ANY_TRIM, Question
from fw_mcp.images.read import Query
from fw_mcp.text import counted, quoted

_TEXTS_SHOWN = 20


def echo(query: Query, question: Question) -> str:
    """What a summary counts, in the words of the arguments."""
    size, most = question.print_size, question.max_trim_percent
    sides = f"{size.width_in:g}x{size.height_in:g}" if size else ""
    texts = (*question.search_any, *question.file_name_contains)
    more = len(texts) - _TEXTS_SHOWN
    several = ", ".join(quoted(text, 40) for text in texts[:_TEXTS_SHOWN])
    if more > 0:
        several += f" and {more} more"
    told = {
        "search_filter": quoted(query.search_filter) if query.search_filter else "",
        "search_any": several if question.search_any else "",
        "file_name_contains": several if question.file_name_contains else "",
        "guid_filter": counted(len(query.guid_filter or ()), "guid") if query.guid_filter else "",
        "added from": query.upload_date_from or "",
        "added to": query.upload_date_to or "",
        "active": "" if query.active is None else str(query.active).lower(),
        "only": ", ".join(question.only),
        "print": f"{sides} in at {question.min_ppi} ppi" if size else "",
        "trimmed": f"at most {most} %" if most < ANY_TRIM else "",
        "duplicates": question.duplicates or "",
    }
    parts = [f"{name} {one}" for name, one in told.items() if one]
    return "; ".join([f"library {query.library}", *parts])
