"""Several FinerWorks accounts of one server: their file, and their libraries while open."""
