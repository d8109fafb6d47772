"""One file a tool family. A tool takes its parts, checks the guard, calls the library."""
