"""Commands of administrators: ``entrepot admin`` and the commands on a data folder."""
