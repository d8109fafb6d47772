"""Counting: the whole library, by words, by what is missing."""

from evals.library import Library
from evals.task import Task, always, call, counted

_NUMBER = "the number"


def _untitled(library: Library) -> str:
    return str(sum(not i.title or i.title == i.file_name for i in library.inventory))


def _undescribed(library: Library) -> str:
    return str(sum(not i.description for i in library.inventory))


TASKS = (
    Task(
        name="count-all",
        words="How many pictures do I have in my library altogether?",
        result=_NUMBER,
        answer=lambda library: str(len(library.inventory)),
        steps=(always(call("search_images", per_page=1)),),
        says=counted,
    ),
    Task(
        name="count-untitled",
        words="How many pictures have no proper title, none at all or just the name of the file?",
        result=_NUMBER,
        answer=_untitled,
        steps=(always(call("search_images", only=["missing_title"], summary=True)),),
        says=counted,
    ),
    Task(
        name="count-undescribed",
        words="How many pictures still need a description?",
        result=_NUMBER,
        answer=_undescribed,
        steps=(always(call("search_images", only=["missing_description"], summary=True)),),
        says=counted,
    ),
    Task(
        name="count-inactive",
        words="How many pictures are switched off at the moment?",
        result=_NUMBER,
        answer=lambda library: str(sum(not i.active for i in library.inventory)),
        steps=(always(call("search_images", active="false", per_page=1)),),
        says=counted,
    ),
    Task(
        name="count-with-products",
        words="How many of my pictures have at least one product made from them?",
        result=_NUMBER,
        answer=lambda library: str(sum(bool(i.products) for i in library.inventory)),
        steps=(always(call("search_images", only=["has_products"], summary=True)),),
        says=counted,
        also=("search_products",),
    ),
)
