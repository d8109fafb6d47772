"""One file a tool family. A tool takes its parts, asks for its work, and tells what came of it."""
