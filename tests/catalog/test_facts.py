from entrepot.catalog import Catalog, facts


def test_the_first_value_stands(catalog: Catalog) -> None:
    with catalog.write() as tx:
        assert facts.put_first(tx, "store", "a") == "a"
    with catalog.write() as tx:
        assert facts.put_first(tx, "store", "b") == "a"
    with catalog.read() as tx:
        assert facts.find(tx, "store") == "a"


def test_an_unknown_key_has_no_value(catalog: Catalog) -> None:
    with catalog.read() as tx:
        assert facts.find(tx, "nothing") is None


def test_an_empty_value_is_a_value(catalog: Catalog) -> None:
    with catalog.write() as tx:
        facts.put_first(tx, "empty", "")
        assert facts.put_first(tx, "empty", "late") == ""


def test_a_value_is_replaced(catalog: Catalog) -> None:
    with catalog.write() as tx:
        facts.put(tx, "epoch", "1")
        facts.put(tx, "other", "x")
        facts.put(tx, "epoch", "2")
    with catalog.read() as tx:
        assert (facts.find(tx, "epoch"), facts.find(tx, "other")) == ("2", "x")
