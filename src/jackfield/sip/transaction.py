"""The transaction layer: sorts messages to transactions by RFC 3261 section 17, RFC 6026. No I/O, no clock.

    layer = TransactionLayer(user, local_address=transports.local_address)
    layer.receive(message, flow, now)        # each message that came
    layer.request(request, flow, now, on_response=..., on_failure=...)
    layer.next_time(); layer.wake(now)       # its timers

The ACK for a 2xx, and the repeating of a 2xx, belong to the dialog, not to a transaction (RFC 3261 section 17.1).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol

from jackfield.sip.client_transaction import (
    ClientTransaction,
    InviteClientTransaction,
    NonInviteClientTransaction,
    OnFailure,
    OnResponse,
)
from jackfield.sip.errors import MalformedMessage
from jackfield.sip.flow import Flow, bracketed
from jackfield.sip.message import Request, Response
from jackfield.sip.server_transaction import (
    InviteServerTransaction,
    NonInviteServerTransaction,
    ServerTransaction,
    way_back,
)
from jackfield.sip.timers import Timers
from jackfield.sip.tokens import MAGIC_COOKIE, Tokens

__all__ = [
    "ClientTransaction",
    "InviteClientTransaction",
    "InviteServerTransaction",
    "NonInviteClientTransaction",
    "NonInviteServerTransaction",
    "ServerTransaction",
    "TransactionLayer",
    "TransactionUser",
]

GRACE = 32.0
"""Seconds that an INVITE which is being answered survives the end of its connection."""

ServerKey = str
MergeKey = str
"""Lines of text: one object where a tuple of them would hold five, for each of thousands of requests remembered."""

log = logging.getLogger(__name__)


class TransactionUser(Protocol):
    """What the layer calls."""

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """Look at a new request (never ACK or CANCEL) before any state is made for it.

        A response is sent once, statelessly, and the request forgotten: the cheap way to refuse (RFC 3261 section
        8.2.7). A response of status 0 drops the request without an answer. None lets the request pass.
        """

    def on_request(self, transaction: ServerTransaction, request: Request) -> None:
        """Answer a new request, now or later, through the transaction. Not called for ACK and CANCEL."""

    def on_ack(self, request: Request, flow: Flow) -> None:
        """Take an ACK that belongs to no transaction: the one for a 2xx, or a stray one."""

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        """Take a response to nothing that we asked, or ask no more."""


class TransactionLayer:
    """All transactions of one process. `len(layer)` is how many there are.

    local_address: flow -> the address and port that our Via names on it.
    counters: "retransmissions received", "stray responses", "merged", "malformed".
    """

    def __init__(
        self,
        user: TransactionUser,
        *,
        local_address: Callable[[Flow], tuple[str, int]],
        timers: Timers | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._user = user
        self._local_address = local_address
        self.timers = Timers() if timers is None else timers
        self.tokens = Tokens() if tokens is None else tokens
        self.counters: Counter[str] = Counter()
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._merges: dict[MergeKey, ServerTransaction] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        # A connection that breaks takes its requests along, and an ICMP error those to that address.
        self._by_flow: dict[Flow, dict[ClientTransaction, None]] = {}

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        """Take a message that came by `flow`. Malformed ones are answered with 400 where possible, or dropped."""
        try:
            if isinstance(message, Response):
                self._receive_response(message, flow, now)
            else:
                self._receive_request(message, flow, now)
        except MalformedMessage as error:
            self.counters["malformed"] += 1
            if isinstance(message, Request) and message.method != "ACK":
                self._refuse(message, flow, error)

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        transaction = self._clients.get((response.via.branch or "", response.cseq.method))
        if transaction is not None:
            if transaction.flow.closed:
                self._move(transaction, flow)  # the peer came back over a new connection
            transaction.receive(response, now)
            return
        self.counters["stray responses"] += 1
        self._user.on_stray_response(response, flow)

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        method = request.method
        via = request.via
        branch = via.branch
        matching = "INVITE" if method == "ACK" else method
        if branch is not None and branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
            key: ServerKey = f"{branch}\n{via.sent_by}\n{matching}"
        else:
            key = _rfc2543_key(request, matching)
        transaction = self._servers.get(key)
        if transaction is not None:
            self.counters["retransmissions received"] += method != "ACK"
            transaction.receive(request, now)
        elif method == "ACK":
            self._user.on_ack(request, flow)
        elif method == "CANCEL":
            self._receive_cancel(request, flow, key, now)
        else:
            self._receive_new(request, flow, key, now)

    def _receive_new(self, request: Request, flow: Flow, key: ServerKey, now: float) -> None:
        merge_key: MergeKey | None = None
        refusal: Response | None = None
        if request.to.tag is None:
            # RFC 3261 section 8.2.2.2. The Request-URI is part of the key, though the RFC names it not: a proxy that
            # forks a call to two of our extensions wants both to ring.
            merge_key = f"{request.call_id}\n{request.from_.tag or ''}\n{request.cseq}\n{request.uri}"
            other = self._merges.get(merge_key)
            # Some phones keep the CSeq when they come back with a password.
            if other is not None and not other.challenged:
                self.counters["merged"] += 1
                refusal = request.reply(482)
        if refusal is None:
            refusal = self._user.screen(request, flow)
        if refusal is not None:
            if refusal.status:
                way_back(request, flow).send(refusal.to_bytes())
            return
        kind = InviteServerTransaction if request.method == "INVITE" else NonInviteServerTransaction
        transaction = kind(self, key, request, flow, merge_key)
        self._servers[key] = transaction
        if merge_key is not None:
            self._merges[merge_key] = transaction
        self._user.on_request(transaction, request)
        if transaction.state == "proceeding" and transaction.is_invite and not transaction.provisional_sent:
            transaction.respond(request.reply(100), now)  # RFC 3261 section 17.2.1: within 200 ms

    def _receive_cancel(self, request: Request, flow: Flow, key: ServerKey, now: float) -> None:
        """RFC 3261 section 9.2: the CANCEL is answered by itself, then its INVITE is."""
        invite = self._servers.get(f"{key.removesuffix('CANCEL')}INVITE")
        cancel = self._servers[key] = NonInviteServerTransaction(self, key, request, flow, None)
        if not isinstance(invite, InviteServerTransaction):
            cancel.respond(cancel.reply(481), now)
            return
        cancel.respond(request.reply(200, to_tag=invite.to_tag), now)
        if not invite.answered and invite.on_cancel is not None:
            invite.on_cancel(request)

    def _refuse(self, request: Request, flow: Flow, error: MalformedMessage) -> None:
        try:
            refusal = request.reply(error.status, error.reason if error.status == 400 else None)
            way_back(request, flow).send(refusal.to_bytes())
        except (MalformedMessage, ValueError):
            log.debug("a request from %s could not even be refused", flow)

    # --- out ----------------------------------------------------------------------------------------------------------

    def request(
        self, request: Request, flow: Flow, now: float, *, on_response: OnResponse, on_failure: OnFailure
    ) -> ClientTransaction:
        """Send a request (not ACK) in a transaction of its own, with a Via of ours in place of any that it had.

        on_response gets every response (RFC 3261 section 17.1), on_failure "timeout" or why the transport failed.
        Neither is called before this method has returned.
        """
        branch = self.tokens.branch()
        self.stamp(request, flow, branch)
        return self.start_client(request, flow, branch, now, on_response, on_failure)

    def stamp(self, request: Request, flow: Flow, branch: str | None = None) -> None:
        """Give a request that is ours its Via for this flow: the ACK for a 2xx needs it without a transaction."""
        transport = flow.transport
        host, port = self._local_address(flow)
        rport = ";rport" if transport == "UDP" else ""  # RFC 3581
        via = f"SIP/2.0/{transport} {bracketed(host)}:{port};branch={branch or self.tokens.branch()}{rport}"
        if "Via" in request:
            request.set("Via", via)
        else:
            request.prepend("Via", via)

    def start_client(
        self,
        request: Request,
        flow: Flow,
        branch: str,
        now: float,
        on_response: OnResponse,
        on_failure: OnFailure,
    ) -> ClientTransaction:
        """Send a request that has its Via already: `request` for all but the CANCEL."""
        kind = InviteClientTransaction if request.method == "INVITE" else NonInviteClientTransaction
        transaction = kind(self, request, flow, branch, on_response, on_failure)
        self._clients[branch, request.method] = transaction
        self._link(transaction)
        if flow.closed:
            self._fail_soon(transaction, "connection closed", now)
        else:
            transaction.start(now)
        return transaction

    def flow_failed(self, flow: Flow, reason: str, now: float) -> None:
        """Fail what is under way on a flow that broke (RFC 3261 section 17.1.4). The users learn it from `wake`."""
        for transaction in list(self._by_flow.get(flow, ())):
            if transaction.is_invite and transaction.state == "proceeding":
                # It rings there. A telephone on the move answers over its next connection.
                self.timers.after(now, GRACE, partial(_fail_if_lost, transaction, reason))
            elif not transaction.answered:
                self._fail_soon(transaction, reason, now)

    def _fail_soon(self, transaction: ClientTransaction, reason: str, now: float) -> None:
        # Not at once: the failure may be noticed while the request is being sent, before its user holds it.
        self.timers.after(now, 0.0, lambda _: transaction.fail(reason))

    def _move(self, transaction: ClientTransaction, flow: Flow) -> None:
        self._unlink(transaction)
        transaction.flow = flow
        self._link(transaction)

    def _link(self, transaction: ClientTransaction) -> None:
        of_flow = self._by_flow.get(transaction.flow)
        if of_flow is None:
            self._by_flow[transaction.flow] = {transaction: None}
        else:
            of_flow[transaction] = None

    # --- time ---------------------------------------------------------------------------------------------------------

    def next_time(self) -> float | None:
        """When `wake` is to be called next; None if never."""
        return self.timers.next_time()

    def wake(self, now: float) -> None:
        """Fire the timers that are due."""
        self.timers.wake(now)

    # --- used by the transactions -------------------------------------------------------------------------------------

    def forget_server(self, transaction: ServerTransaction) -> None:
        """Drop a terminated server transaction."""
        self._servers.pop(transaction.key, None)
        merge_key = transaction.merge_key
        if merge_key is not None and self._merges.get(merge_key) is transaction:
            del self._merges[merge_key]

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Drop a terminated client transaction."""
        self._clients.pop((transaction.branch, transaction.method), None)
        self._unlink(transaction)

    def _unlink(self, transaction: ClientTransaction) -> None:
        flow = transaction.flow
        of_flow = self._by_flow.get(flow)
        if of_flow is not None:
            of_flow.pop(transaction, None)
            if not of_flow:
                del self._by_flow[flow]

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)


def _fail_if_lost(transaction: ClientTransaction, reason: str, now: float) -> None:
    if transaction.flow.closed:
        transaction.fail(reason)


def _rfc2543_key(request: Request, method: str) -> ServerKey:
    """The key of a request whose branch means nothing (RFC 3261 section 17.2.3, second half).

    The To tag is left out: the ACK bears ours and the INVITE does not, and nobody repeats a Call-ID, CSeq and Via.
    """
    via = request.values("Via")[0]
    return "\n".join((request.uri, request.from_.tag or "", request.call_id, str(request.cseq.number), via, method))
