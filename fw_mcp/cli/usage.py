"""What is wrong with a command line, in our words, with the nearest word that there is."""

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from fw_mcp.cli.output import tell
from fw_mcp.text import quoted

# What argparse says, and what a person is told instead.
_OURS = (
    (re.compile(r"argument COMMAND: invalid choice: '(.*?)'( \(choose from.*)?", re.DOTALL), ""),
    (re.compile(r"argument (\S+): expected (?:one|at least one) argument"), "{0} needs a value"),
    (re.compile(r"argument (\S+): ignored explicit argument .*", re.DOTALL), "{0} takes no value"),
    (
        re.compile(r"argument (\S+): not allowed with argument (\S+)"),
        "{0} and {1} cannot be given together",
    ),
    (re.compile(r"the following arguments are required: (.+)"), "{0} is missing"),
    (re.compile(r"ambiguous option: (\S+) could match (.+)"), "{0} could mean {1}"),
    (re.compile(r"argument (\S+): (.+)", re.DOTALL), "{0} {1}"),
)
_NEAR = 0.6


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in a sentence: the usage alone is a page."""

    def error(self, message: str) -> NoReturn:
        """Say it, and where the options are."""
        words = self.ours(message)
        end = "" if words.endswith("?") else "."
        where = f"{self.prog} --help shows what there is."
        tell(f"fw-mcp: {words}{end} Nothing was started. {where}")
        self.exit(2)

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Say what of the command line is no option, or one word too many."""
        word = next((one for one in unknown if one.startswith("-")), unknown[0])
        if not word.startswith("-"):
            self.error(f"{quoted(word)} is one word too many")
        name = word.partition("=")[0]
        self.error(f"There is no option {quoted(name)}{near(name, self.options())}")

    def options(self) -> list[str]:
        """Every option that it takes."""
        return [name for action in self._actions for name in action.option_strings]

    def words(self) -> list[str]:
        """What may stand where a command does, and options that are taken for one."""
        choices = [action.choices for action in self._actions if action.choices]
        return [*(str(one) for some in choices for one in some), *self.options()]

    def ours(self, message: str) -> str:
        """What argparse says, in our words."""
        for pattern, words in _OURS:
            if found := pattern.fullmatch(message):
                word = found[1]
                no_command = f"There is no command {quoted(word)}{near(word, self.words())}"
                return words.format(*found.groups()) if words else no_command
        return message


def near(word: str, known: Iterable[str]) -> str:
    """`. Did you mean --version?`, or nothing where none of `known` is near."""
    names = {one.lstrip("-"): one for one in known}
    found = difflib.get_close_matches(word.lstrip("-").lower(), names, n=1, cutoff=_NEAR)
    return f". Did you mean {names[found[0]]}?" if found else ""
