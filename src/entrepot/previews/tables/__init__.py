"""Files of tables in any of their formats: opened, read at any offset, and sampled."""
