"""What every flow and hop says about itself."""

from __future__ import annotations

import pytest

from jackfield.sip.flow import Flow, Hop, bracketed
from jackfield.sip.message import parse


class Recorder(Flow):
    def __init__(self, transport: str = "UDP", **more: object) -> None:
        super().__init__(transport, **more)  # type: ignore[arg-type]
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)


@pytest.mark.parametrize(
    ("transport", "reliable", "secure"),
    [("UDP", False, False), ("TCP", True, False), ("TLS", True, True), ("WS", True, False), ("WSS", True, True)],
)
def test_the_transport_says_what_can_be_relied_on(transport: str, reliable: bool, secure: bool) -> None:
    flow = Recorder(transport)
    assert (flow.reliable, flow.secure, flow.closed, flow.peer_identity) == (reliable, secure, False, None)


def test_a_response_leaves_by_the_flow_of_its_request_unless_the_flow_knows_better() -> None:
    flow = Recorder()
    response = parse(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n"
    )
    assert flow.for_response(response) is flow
    flow.close()


def test_flows_and_hops_are_written_for_people() -> None:
    flow = Recorder("TLS", local=("::1", 5061), remote=("2001:db8::1", 40_000))
    assert str(flow) == "TLS [2001:db8::1]:40000"
    assert repr(flow) == "<Recorder TLS [2001:db8::1]:40000>"
    flow.closed = True
    assert repr(flow).endswith("closed>")
    assert flow.key == ("TLS", ("::1", 5061), ("2001:db8::1", 40_000))
    assert str(Hop("UDP", "192.0.2.1", 5060)) == "UDP 192.0.2.1:5060"
    assert bracketed("[::1]") == "[::1]"
    assert bracketed("pbx") == "pbx"
