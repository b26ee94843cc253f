"""An OpenID issuer on a loopback port: its documents, its keys, and tokens that it signs."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "https://hub.example.org"
"""The address of the hub, for which tokens are."""


def b64(data: bytes | str) -> str:
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


@attrs.define
class LocalIssuer:
    """An issuer. ``pages``: what it serves, by path; ``asked``: the paths that were requested."""

    port: int = 0
    pages: dict[str, bytes] = attrs.Factory(dict)
    asked: list[str] = attrs.Factory(list)
    keys: dict[str, RSAKey | ECKey] = attrs.Factory(dict)
    numbers: int = 0
    codes: dict[str, tuple[dict[str, str], dict[str, Any]]] = attrs.Factory(dict)
    authorizations: list[str | None] = attrs.Factory(list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self) -> None:
        """Serve the present keys and the document that leads to them."""
        listed = [key.as_dict(private=False) | {"kid": kid, "use": "sig"} for kid, key in self.keys.items()]
        self.pages["/keys"] = json.dumps({"keys": listed}).encode()
        about = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }
        self.pages["/.well-known/openid-configuration"] = json.dumps(about).encode()

    def add_key(self, kid: str, *, kind: str = "RSA") -> None:
        self.keys[kid] = RSAKey.generate_key(2048) if kind == "RSA" else ECKey.generate_key("P-256")

    def claims(self, now_ms: int | None = None, **more: Any) -> dict[str, Any]:
        """Return claims as GitHub Actions makes them; None leaves a claim out."""
        self.numbers += 1
        now = (time.time_ns() // 1_000_000 if now_ms is None else now_ms) // 1000
        found = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:acme/train:ref:refs/heads/main",
            "repository": "acme/train",
            "ref": "refs/heads/main",
            "iat": now,
            "nbf": now - 5,
            "exp": now + 300,
            "jti": f"token-{self.numbers}",
        }
        return {name: value for name, value in (found | more).items() if value is not None}

    def sign(self, claims: Mapping[str, Any] | bytes, name: str = "one", **header: Any) -> str:
        """Return a token; ``header`` changes its header, None leaves a field out."""
        signer = self.keys[name]
        algorithm = "RS256" if isinstance(signer, RSAKey) else "ES256"
        fields = {"alg": algorithm, "typ": "JWT", "kid": name} | header
        head = b64(json.dumps({key: value for key, value in fields.items() if value is not None}))
        body = b64(claims if isinstance(claims, bytes) else json.dumps(claims))
        return self.sign_text(f"{head}.{body}", name)

    def sign_text(self, text: str, kid: str = "one") -> str:
        """Return encoded header and claims with a valid signature, whatever they are."""
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        made = jws.JWSRegistry.algorithms[algorithm].sign(text.encode(), key)
        return f"{text}.{b64(made)}"

    def token(self, now_ms: int | None = None, **claims: Any) -> str:
        return self.sign(self.claims(now_ms, **claims))

    def approve(self, url: str, **claims: Any) -> dict[str, str]:
        """Return what a person who signs in at an address of authorization brings back to the hub."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.numbers += 1
        code = f"code-{self.numbers}"
        said = {"sub": "person-1", "aud": asked["client_id"], "nonce": asked["nonce"], "preferred_username": "ann"}
        self.codes[code] = (asked, said | claims)
        return {"state": asked["state"], "code": code, "iss": self.url}

    def redeem(self, form: dict[str, str]) -> dict[str, str] | None:
        """Return the answer to a code; None if it is unknown or used, or does not belong to the request."""
        asked, said = self.codes.pop(form["code"], ({}, {}))
        made = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if asked.get("code_challenge") != made or asked["redirect_uri"] != form["redirect_uri"]:
            return None
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.token(repository=None, ref=None, **said)}


@functools.cache
def _first_key() -> RSAKey:
    """Return the key that all issuers of this process begin with, because making one takes long."""
    return RSAKey.generate_key(2048)


class _Handler(http.server.BaseHTTPRequestHandler):
    site: LocalIssuer

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        path, _, query = self.path.partition("?")
        body = self.site.pages.get(path)
        if path == "/mint":  # as the address in ACTIONS_ID_TOKEN_REQUEST_URL
            audience = urllib.parse.parse_qs(query)["audience"][0]
            body = json.dumps({"value": self.site.token(aud=audience)}).encode()
        self.send_response(404 if body is None else 200)
        self.send_header("content-length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def do_POST(self) -> None:
        self.site.authorizations.append(self.headers["authorization"])
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        answer = self.site.redeem(form) if self.path == "/token" else None
        body = json.dumps(answer or {"error": "invalid_grant"}).encode()
        self.send_response(200 if answer else 400)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[LocalIssuer]:
    """Serve an issuer with one key, ``one``."""
    site = LocalIssuer()
    handler = type("_SiteHandler", (_Handler,), {"site": site})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site.port = server.server_address[1]
    site.keys["one"] = _first_key()
    site.publish()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
