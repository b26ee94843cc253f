from __future__ import annotations

from tests.server.pages.conftest import browse
from tests.support.served_hub import ServedHub

# The cookies themselves are seen through the pages that use them: those of other issuers, and those of passkeys.


def test_a_cookie_that_is_no_cookie_keeps_nothing(site: ServedHub) -> None:
    with browse(site) as client:
        for value in ("entrepot_sso", "entrepot_sso=", "entrepot_sso=\xff; =;", "a[b]=c; entrepot_sso=x.y"):
            headers = {b"cookie": value.encode("latin-1")}
            answer = client.get("/-/sso/callback?state=x&code=x", headers=headers)
            assert answer.status_code in (400, 401, 404)
