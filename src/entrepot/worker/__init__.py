"""The worker: runs the follow-up work that commits and administrators leave behind as job rows."""
