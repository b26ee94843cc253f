from entrepot.catalog import Catalog, hub_metadata


def test_the_first_value_stands(catalog: Catalog) -> None:
    with catalog.write() as tx:
        assert hub_metadata.put_first(tx, "store", "a") == "a"
    with catalog.write() as tx:
        assert hub_metadata.put_first(tx, "store", "b") == "a"
    with catalog.read() as tx:
        assert hub_metadata.find(tx, "store") == "a"


def test_an_unknown_key_has_no_value(catalog: Catalog) -> None:
    with catalog.read() as tx:
        assert hub_metadata.find(tx, "nothing") is None


def test_an_empty_value_is_a_value(catalog: Catalog) -> None:
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "empty", "")
        assert hub_metadata.put_first(tx, "empty", "late") == ""


def test_a_value_is_replaced(catalog: Catalog) -> None:
    with catalog.write() as tx:
        hub_metadata.put(tx, "epoch", "1")
        hub_metadata.put(tx, "other", "x")
        hub_metadata.put(tx, "epoch", "2")
    with catalog.read() as tx:
        assert (hub_metadata.find(tx, "epoch"), hub_metadata.find(tx, "other")) == ("2", "x")
