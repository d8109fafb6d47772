"""The commands: what each does, an example of it, and the function that carries it out."""

from dataclasses import dataclass
from types import MappingProxyType

_SHEET = """\
Columns: guid, title, description, exported; others are not read. An empty cell keeps the text.
Exit code 7: rows are left out or left undone; they are named."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        place: the module and the function, which is called with the parts and the command's own
            arguments, and gives the exit code.
        does: a clause, as the list of commands has it.
        example: a whole command line.
        note: what else its help says.
    """

    place: tuple[str, str]
    does: str
    example: str
    note: str = ""


SERVE = Command(("fw_mcp.cli.serve", "serve"), "serve MCP", "fw-mcp --sandbox")
COMMANDS = MappingProxyType(
    {
        "sandbox": Command(
            ("fw_mcp.cli.serve", "serve_sandbox"),
            "serve the sandbox over HTTP, with a page for a browser",
            "fw-mcp sandbox --port 8321 studio.db",
        ),
        "doctor": Command(
            ("fw_mcp.cli.doctor", "examine"),
            "check keys, host, TLS, clock, store and unfinished writes",
            "fw-mcp doctor --json",
        ),
        "plans": Command(
            ("fw_mcp.cli.plans", "list_plans"),
            "list the plans that wait for an answer",
            "fw-mcp plans",
            "Give it the server's own --store, if that has one.",
        ),
        "approve": Command(
            ("fw_mcp.cli.plans", "approve"),
            "approve a plan, as a person in a terminal",
            "fw-mcp approve 0123456789abcdef",
        ),
        "changes": Command(
            ("fw_mcp.cli.changes", "show_changes"),
            "list what was done, newest first, or export it",
            "fw-mcp changes --export changes.jsonl",
            "fw-mcp undo CHANGE takes one of them back.",
        ),
        "undo": Command(
            ("fw_mcp.cli.undo", "undo"),
            "take a change back, as far as FinerWorks lets it be taken back",
            "fw-mcp undo 0123456789abcdef --dry-run",
            "Where images or products would go, it asks first.\n"
            "Exit code 7: something is left as it was; it is named.",
        ),
        "export": Command(
            ("fw_mcp.cli.spreadsheet.export", "export"),
            "write titles and descriptions to a spreadsheet",
            "fw-mcp export library.csv",
            "Exit code 7: images went away meanwhile, so others may be missing in the file.",
        ),
        "preview": Command(
            ("fw_mcp.cli.spreadsheet.preview", "preview"),
            "say what a spreadsheet would change; sends nothing",
            "fw-mcp preview library.csv",
            _SHEET,
        ),
        "apply": Command(
            ("fw_mcp.cli.spreadsheet.apply", "apply"),
            "send what was changed in a spreadsheet",
            "fw-mcp apply library.csv",
            _SHEET,
        ),
        "reconcile": Command(
            ("fw_mcp.cli.changes", "reconcile_changes"),
            "settle writes without a known outcome, by reading the service",
            "fw-mcp reconcile",
        ),
        "demo": Command(
            ("fw_mcp.cli.demo", "play"),
            "play a session against the sandbox and print it",
            "fw-mcp demo",
        ),
    }
)
# Former words: of the first the command is carried out, of the second it is named.
ALIASES = MappingProxyType({"plan": "preview"})
GONE = MappingProxyType({"export-changes": "changes --export"})
HELP = "help"
