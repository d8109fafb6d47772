"""What must survive a call: plans, the journal, the session id. SQLite on a thread of its own."""
