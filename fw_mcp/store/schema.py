"""The tables of a store, in words that SQLite and PostgreSQL both know.

Each table is asked for one account at a time. Texts of other people are JSON, so that no character
is refused; SQL never looks into one. What is long comes last: SQLite reads up to it.
"""

VERSION = 6

TABLES = """
CREATE TABLE facts (
    account TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (account, name)
);
CREATE TABLE plans (
    account TEXT NOT NULL, plan_id TEXT NOT NULL, tool TEXT NOT NULL, caller TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, targets_digest TEXT NOT NULL, weight INTEGER NOT NULL,
    question TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL, approved_at DOUBLE PRECISION,
    ended_at DOUBLE PRECISION, ended_as TEXT,
    PRIMARY KEY (account, plan_id)
);
CREATE INDEX plans_ended ON plans (account, ended_as, ended_at);
CREATE INDEX plans_expired ON plans (account, expires_at);
CREATE TABLE changes (
    account TEXT NOT NULL, change_id TEXT NOT NULL, place BIGINT NOT NULL, tool TEXT NOT NULL,
    caller TEXT NOT NULL, arguments_digest TEXT NOT NULL, plan_id TEXT, accepted TEXT, undoes TEXT,
    begun_at DOUBLE PRECISION NOT NULL, ended_at DOUBLE PRECISION,
    worked_at DOUBLE PRECISION NOT NULL,
    baseline TEXT, seen TEXT NOT NULL, arguments TEXT NOT NULL, client TEXT,
    PRIMARY KEY (account, change_id)
);
CREATE INDEX changes_newest ON changes (account, place);
CREATE INDEX changes_alike ON changes (account, arguments_digest, worked_at);
CREATE INDEX changes_undoing ON changes (account, undoes, place) WHERE undoes IS NOT NULL;
CREATE INDEX changes_oldest ON changes (account, worked_at);
CREATE INDEX changes_whole ON changes (account, worked_at)
    WHERE arguments <> '{}' OR seen <> '{}';
CREATE TABLE items (
    account TEXT NOT NULL, change_id TEXT NOT NULL, item INTEGER NOT NULL, kind TEXT NOT NULL,
    outcome TEXT, doubled INTEGER NOT NULL, place BIGINT NOT NULL,
    begun_at DOUBLE PRECISION NOT NULL, finished_at DOUBLE PRECISION,
    guid TEXT, detail TEXT NOT NULL, sent TEXT, before TEXT, after TEXT, told TEXT,
    PRIMARY KEY (account, change_id, item),
    FOREIGN KEY (account, change_id) REFERENCES changes (account, change_id) ON DELETE CASCADE
);
CREATE INDEX items_newest ON items (account, place);
CREATE INDEX items_since ON items (account, (coalesce(finished_at, begun_at)));
CREATE INDEX items_open ON items (account, change_id)
    WHERE kind <> '' AND (outcome IS NULL OR outcome = 'unknown')
"""
UPLOADS = """
CREATE TABLE uploads (
    account TEXT NOT NULL, place TEXT NOT NULL, path TEXT NOT NULL, master TEXT NOT NULL,
    file_name TEXT NOT NULL, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,
    pix_w INTEGER NOT NULL, pix_h INTEGER NOT NULL, mime_type TEXT NOT NULL,
    preview TEXT NOT NULL, preview_size BIGINT NOT NULL,
    thumbnail TEXT NOT NULL, thumbnail_size BIGINT NOT NULL,
    sent BIGINT NOT NULL, change_id TEXT NOT NULL, guids TEXT NOT NULL,
    begun_at DOUBLE PRECISION NOT NULL, uploaded_at DOUBLE PRECISION,
    verified_at DOUBLE PRECISION, removed_at DOUBLE PRECISION,
    PRIMARY KEY (account, place, path, master)
);
CREATE INDEX uploads_begun ON uploads (account, begun_at);
CREATE INDEX uploads_content ON uploads (account, place, master)
"""

# They came to tables that were there, and so stand after what is long.
CLIENTS = "ALTER TABLE changes ADD COLUMN client TEXT"
# By which a transaction that is done again knows that it was done.
KEYS = """
ALTER TABLE plans ADD COLUMN won_by TEXT;
ALTER TABLE uploads ADD COLUMN begun_by TEXT
"""

OWNED = ("facts", "plans", "changes", "items", "uploads")
"""The tables, each of which names the account of its rows; those that others refer to first."""


def each(statements: str) -> list[str]:
    """The statements, one by one."""
    return [one.strip() for one in statements.split(";") if one.strip()]
