"""Files and pictures from outside: fetched under a guard, read without trust. Knows no library."""
