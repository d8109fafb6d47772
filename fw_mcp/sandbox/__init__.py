"""The FinerWorks v3 image API over SQLite, written from its public reference alone."""
