"""The commands: what each does, an example of it, and the function that carries it out."""

from dataclasses import dataclass
from types import MappingProxyType

_SHEET = """\
Columns: guid, title, description, exported; others are not read. An empty cell changes nothing.
Exit code 7: some rows were skipped or not done; they are listed."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        place: the module and the function, which is called with the parts and the command's own
            arguments, and gives the exit code.
        does: a clause, as the list of commands has it.
        example: a whole command line.
        note: what else its help says.
        of_no_account: whether it does without the library of one account.
    """

    place: tuple[str, str]
    does: str
    example: str
    note: str = ""
    of_no_account: bool = False


SERVE = Command(("fw_mcp.cli.serve", "serve"), "serve MCP", "fw-mcp --sandbox")
COMMANDS = MappingProxyType(
    {
        "sandbox": Command(
            ("fw_mcp.cli.serve", "serve_sandbox"),
            "serve the sandbox over HTTP, with a page for a browser",
            "fw-mcp sandbox --port 8321 studio.db",
            of_no_account=True,
        ),
        "doctor": Command(
            ("fw_mcp.cli.doctor", "examine"),
            "check keys, host, TLS, clock, store and unfinished writes",
            "fw-mcp doctor --json",
        ),
        "plans": Command(
            ("fw_mcp.cli.plans", "list_plans"),
            "list pending plans",
            "fw-mcp plans",
            "If the server is started with --store, give the same here.",
        ),
        "approve": Command(
            ("fw_mcp.cli.plans", "approve"),
            "approve a pending plan",
            "fw-mcp approve 0123456789abcdef",
        ),
        "changes": Command(
            ("fw_mcp.cli.changes", "show_changes"),
            "list what was done, newest first, or export it",
            "fw-mcp changes --export changes.jsonl",
            "fw-mcp undo CHANGE reverses one of them.",
        ),
        "undo": Command(
            ("fw_mcp.cli.undo", "undo"),
            "undo a change, as far as FinerWorks allows",
            "fw-mcp undo 0123456789abcdef --dry-run",
            "Where images or products would be removed, it asks first.\n"
            "Exit code 7: something was not undone; it is listed.",
        ),
        "add": Command(
            ("fw_mcp.cli.add", "add"),
            "upload pictures or folders, asking first, and add them to the library",
            "fw-mcp add Photos/ --titles titles.csv",
            "Only pictures directly in a folder are added. Run again, it continues.\n"
            "Exit code 7: some pictures were not added; they are listed.",
        ),
        "uploads": Command(
            ("fw_mcp.cli.uploads", "uploads"),
            "list what was uploaded, check it, or remove what no image uses",
            "fw-mcp uploads --remove-unused",
            "Exit code 7: images could not be read, a print master cannot be fetched, or\n"
            "something unused is still there.",
        ),
        "export": Command(
            ("fw_mcp.cli.spreadsheet.export", "export"),
            "write titles and descriptions to a spreadsheet",
            "fw-mcp export library.csv",
            "Exit code 7: images were removed during the export, so others may be missing.",
        ),
        "preview": Command(
            ("fw_mcp.cli.spreadsheet.preview", "preview"),
            "show what a spreadsheet would change; sends nothing",
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
            "resolve writes with unknown outcome (reads only)",
            "fw-mcp reconcile",
        ),
        "token": Command(
            ("fw_mcp.cli.tokens", "tokens"),
            "make a person's token for a server over HTTP, or list the tokens",
            "fw-mcp token new anna --scopes images:write --days 90",
            "images:read allows looking, images:write also adding and changing, images:delete\n"
            "also removing. Add the line that it prints to the tokens file; to revoke the token,\n"
            "remove the line. With several accounts, a token opens one of them. See docs/teams.md.",
            of_no_account=True,
        ),
        "store": Command(
            ("fw_mcp.cli.store", "work_on_store"),
            "bring the tables of a store up to date, or copy a SQLite store to PostgreSQL",
            "fw-mcp store copy store.sqlite3 postgresql://fw_mcp@db.example/fw",
            "A server brings its store up to date by itself when it first uses it.\n"
            "Before copying, stop every server on that file: what they write to it later is lost.",
            of_no_account=True,
        ),
        "connect": Command(
            ("fw_mcp.cli.connect", "connect"),
            "show how a client is set up for this server, or set it up",
            "fw-mcp connect cursor --write",
            "Options that differ from the defaults are passed on to the server. Keys and tokens\n"
            "are never written: replace the placeholders, unless the client asks for them itself.",
            of_no_account=True,
        ),
        "demo": Command(
            ("fw_mcp.cli.demo", "play"),
            "play a session against the sandbox and print it",
            "fw-mcp demo",
            of_no_account=True,
        ),
    }
)
# Former words: of the first the command is carried out, of the second it is named.
ALIASES = MappingProxyType({"plan": "preview"})
GONE = MappingProxyType({"export-changes": "changes --export"})
HELP = "help"
# The words of `fw_mcp.cli.hosts`, which is read only where one of them is given.
HOST_WORDS = (
    "claude-desktop",
    "claude-code",
    "vscode",
    "cursor",
    "codex",
    "gemini",
    "windsurf",
    "lm-studio",
    "goose",
    "copilot",
    "zed",
)
