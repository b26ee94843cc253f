from __future__ import annotations

from entrepot.server.pages.accounts.passkey_sites import with_script
from entrepot.server.pages.frames import SCRIPT_POLICY, WebPage


def test_the_policy_allows_scripts_of_this_hub_only() -> None:
    page = with_script(WebPage("login.html", "Sign in"))
    assert page.policy == SCRIPT_POLICY
    assert "script-src 'self';" in page.policy
    assert "unsafe" not in page.policy
