"""A question to the person at the terminal; nobody else may answer it."""

import sys

from fw_mcp.outlet import interruptible


def typed_yes(question: str) -> bool:
    """Print `question`; whether somebody typed yes. Without a terminal the answer is no."""
    print(question)
    if not sys.stdin.isatty():
        print("The answer is no, since nobody is at a terminal to give one.")
        return False
    with interruptible():
        try:
            return input("Do this? Type yes: ").strip().lower() == "yes"
        except EOFError:
            return False
