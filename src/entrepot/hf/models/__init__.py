"""``ModelHubMixin`` and ``PyTorchModelHubMixin``."""
