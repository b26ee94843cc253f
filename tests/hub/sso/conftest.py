from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from entrepot.hub.sso import issuer_keys
from tests.support.issuer import AUDIENCE, LocalIssuer, serving
from tests.support.worlds import World


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    issuer_keys._state.cache_clear()  # a port can be that of an earlier issuer
    with serving() as found:
        yield found


@pytest.fixture
def ci_world(make_world: Callable[..., World], issuer: LocalIssuer) -> World:
    """A hub that trusts the issuer."""
    return make_world(base_url=AUDIENCE, oidc_issuers=(issuer.url,), oidc_private_issuers=True)
