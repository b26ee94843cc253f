"""Commands of ``entrepot ws`` and ``ml-git``."""
