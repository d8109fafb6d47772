"""Files put where FinerWorks can fetch them."""
