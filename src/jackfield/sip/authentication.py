"""A request again, with the password that was asked for (RFC 3261 section 22.2)."""

from __future__ import annotations

from jackfield.sip.digest import DigestClient, Secret, is_stale
from jackfield.sip.message import Request, Response

__all__ = ["authenticate"]


def authenticate(
    request: Request, response: Response, client: DigestClient, username: str, password: Secret
) -> Request | None:
    """Return the request with an answer to the challenge in a 401 or 407, with the next CSeq and without Via.

    None if the response has no challenge that we can answer, or if the request had credentials already and the
    nonce was not stale: then the password is wrong.
    """
    header, answer = (
        ("Proxy-Authenticate", "Proxy-Authorization")
        if response.status == 407
        else ("WWW-Authenticate", "Authorization")
    )
    challenges = response.all(header)
    if not challenges or (answer in request and not is_stale(challenges)):
        return None
    credentials = client.answer(challenges, request.method, request.uri, username, password, request.body)
    if credentials is None:
        return None
    again = request.copy()
    again.remove("Via")
    again.set(answer, credentials)
    again.set("CSeq", f"{request.cseq.number + 1} {request.method}")
    return again
