"""Files of entities in the workspace: scans, comparisons with versions, and placement."""
