"""Downloads: single files, snapshots and verification."""
