from entrepot.workspace.configuration.transfer_limits import TransferLimits


def test_without_a_configuration_there_are_limits() -> None:
    limits = TransferLimits()
    assert 0 < limits.idle_limit < limits.time_limit
    assert limits.size_limit > 0
