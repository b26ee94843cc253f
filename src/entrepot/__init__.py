"""entrepot: the self-hosted hub for machine-learning artifacts."""

__version__ = "0.1.0"
