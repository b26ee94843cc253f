"""Downloads: single files, snapshots, verification."""
