"""Changes of entities that nothing sends: what is staged, and the versions made of it."""
