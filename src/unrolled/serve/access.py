"""Who may ask: a bearer token, compared in constant time."""

from __future__ import annotations

import hmac

from unrolled.serve.problems import Problem

_SCHEME = b"bearer "


class Access:
    """Lets those in who send the token; everybody, if there is none."""

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.encode("ascii")

    def refusal(self, path: str, authorization: bytes | None) -> Problem | None:
        """What to answer to those who must stay outside."""
        if self._token is None or not (path.startswith("/v1/") or path == "/metrics"):
            return None
        given = authorization or b""
        if given[: len(_SCHEME)].lower() == _SCHEME:
            if hmac.compare_digest(given[len(_SCHEME) :].strip(), self._token):
                return None
            detail, challenge = "the token is not the right one", 'Bearer error="invalid_token"'
        else:
            detail, challenge = "send the server's token: Authorization: Bearer ...", "Bearer"
        return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
