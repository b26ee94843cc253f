"""Classes that the fixtures of several test modules return, so that tests can name their types."""
