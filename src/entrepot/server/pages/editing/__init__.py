"""Pages that change files: edit, create, delete, upload."""
