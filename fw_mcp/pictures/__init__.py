"""Files and pictures: fetched under a guard, read without trust, made smaller, compared."""
