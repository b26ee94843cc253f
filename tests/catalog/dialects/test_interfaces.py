from entrepot.catalog import dialects
from entrepot.catalog.dialects.interfaces import Dialect


def test_a_dialect_needs_few_methods() -> None:
    methods = [name for name, value in vars(Dialect).items() if callable(value) and not name.startswith("_")]
    assert len(methods) <= 10


def test_a_dialect_is_found_by_url_and_by_name() -> None:
    for url in ("sqlite:///x", "postgresql://u@h/x", "postgresql+psycopg:///x"):
        assert dialects.of_url(url) is dialects.named(url.partition(":")[0].partition("+")[0])
