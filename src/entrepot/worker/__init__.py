"""The worker: runs the jobs that commits and administrators enqueue."""
