"""From a request to its answer: the table of routes, and the memory of answers."""
