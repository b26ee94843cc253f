"""Local state of a project: database, locks and journal."""
