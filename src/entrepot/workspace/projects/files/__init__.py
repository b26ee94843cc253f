"""Files of entities in the workspace: what is there, how it differs, and how it gets there."""
