"""The tasks, a module for each family."""

from collections.abc import Mapping

from evals.task import Task
from evals.tasks import (
    cannot,
    chat,
    counting,
    deleting,
    faults,
    finding,
    folders,
    injected,
    large,
    looking,
    prints,
    products,
    registering,
    resuming,
    retitling,
    selections,
    sheets,
    temporary,
    undo,
)

FAMILIES: Mapping[str, tuple[Task, ...]] = {
    "finding": finding.TASKS,
    "counting": counting.TASKS,
    "prints": prints.TASKS,
    "looking": looking.TASKS,
    "registering": registering.TASKS,
    "folders": folders.TASKS,
    "retitling": retitling.TASKS,
    "deleting": deleting.TASKS,
    "chat": chat.TASKS,
    "injected": injected.TASKS,
    "selections": selections.TASKS,
    "undo": undo.TASKS,
    "temporary": temporary.TASKS,
    "cannot": cannot.TASKS,
    "large": large.TASKS,
    "faults": faults.TASKS,
    "resuming": resuming.TASKS,
    "products": products.TASKS,
    "sheets": sheets.TASKS,
}
