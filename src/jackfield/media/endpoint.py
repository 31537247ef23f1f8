"""The network side of a stream: its sockets, whom it listens to, and what is encrypted.

The first packets of a party come through here until the latch has settled; then the RTP socket is connected to the
party, and plain RTP belongs to the lane. SRTP and T.38 stay here, and what WebRTC has besides (`webrtc`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.media.latch import Latch, Verdict
from jackfield.media.ports import Pair, disconnect, kernel_drops, socket_address
from jackfield.media.protocol import Failed, Remote, WebRtc
from jackfield.media.webrtc import DTLS, MEDIA, STUN, WebPath, kind_of
from jackfield.rtp import srtp
from jackfield.rtp.packet import HEADER, MAX_PACKET, build, is_rtcp

if TYPE_CHECKING:
    from jackfield.media.lane import Hearer
    from jackfield.media.stream import Stream
    from jackfield.media.webrtc import Datagrams

DRAINED = 500  # packets read at most when a socket is connected
FROM_ANYWHERE = frozenset(("0.0.0.0", "::"))  # noqa: S104 - the old way to say "hold" (RFC 3264 section 8.4)

Send = Callable[[bytes, int, int, int], int]


class CannotReach(Exception):
    """The party cannot be spoken to as it asks; the text is for people."""


class Endpoint:
    """The sockets of one stream."""

    def __init__(self, stream: Stream, pair: Pair, heard: Callable[..., None]) -> None:
        self._stream = stream
        self._worker = stream.worker
        self._road = road = stream.worker.road
        self._pair = pair
        self.heard = heard  # what the lane hands back
        hearer: Hearer = self
        self.lane: Any = road.lane(stream.id, pair.rtp, hearer)
        self.latch = Latch()
        self.rtcp_latch = Latch()
        self.connected = False
        self.dropped_source = 0
        self.dropped_malformed = 0
        self._keys: tuple[str | None, str | None] = (None, None)
        self._decrypt: srtp.Receiver | None = None
        self._encrypt: srtp.Sender | None = None
        self.path: WebPath | None = None
        if pair.rtcp is not None:
            road.watch(pair.rtcp.fileno(), self._rtcp_readable)

    def close(self) -> None:
        """Stop receiving. The sockets are closed by `Ports`."""
        if self._pair.rtcp is not None:
            self._road.forget(self._pair.rtcp.fileno())
        self._road.leave(self.lane)

    @property
    def encrypts(self) -> bool:
        """Whether what goes out must pass through here."""
        return self._encrypt is not None or self.path is not None

    @property
    def kernel_drops(self) -> int:
        """Packets that the kernel threw away because we were too slow."""
        return kernel_drops(self._pair.rtp)

    # --- whom to listen to -----------------------------------------------------------------------------------------

    def expect(self, remote: Remote | None) -> None:
        """Let the party be heard from where it was signalled, and send there. Raises CannotReach, and is then deaf."""
        if self.connected:
            disconnect(self._pair.rtp)
            self.connected = False
        self._road.trust(self.lane, False)
        if remote is None:
            self._forget()
            return
        try:
            if remote.webrtc is not None:
                self._expect_browser(remote, remote.webrtc)
                return
            if self.path is not None:
                self._forget()
            self._take_keys(remote)
            self.latch.expect(remote.address, remote.port, behind_nat=remote.behind_nat, nat_address=remote.nat_address)
            destination = self._destination(remote)
            if destination is not None:
                if (":" in destination[0]) != (self._pair.family is socket.AF_INET6):
                    raise CannotReach(f"nothing can be sent to {remote.address}: our port is of the other IP version")
                self._road.point(self.lane, destination)
        except (srtp.BadKey, ValueError, OSError) as error:
            self._forget()
            # Better nothing than in clear what was to be secret.
            raise CannotReach(f"nothing can be sent to {remote.address}: {error}") from error
        except CannotReach:
            self._forget()
            raise
        self._expect_rtcp(remote)

    def _expect_browser(self, remote: Remote, web: WebRtc) -> None:
        """Go on with what has been proved, or begin anew."""
        now = self._worker.seconds()
        if self.path is None or not self.path.renew(web, now):
            self._forget()
            self.path = WebPath(self._worker.identity(), web, now)
        if not self.path.checked:
            self.latch.expect(remote.address, remote.port, behind_nat=remote.behind_nat, nat_address=remote.nat_address)
            source = self.latch.expected or (socket_address(remote.address, remote.port) if remote.address else None)
            if source is not None:
                self._send_all(self.path.use(source, now))

    def _forget(self) -> None:
        self.latch.forget()
        self.rtcp_latch.forget()
        self._keys, self._decrypt, self._encrypt = (None, None), None, None
        self.path = None

    def _expect_rtcp(self, remote: Remote) -> None:
        source = self.latch.expected
        host = source[0] if source is not None else remote.address
        self.rtcp_latch.expect(host, remote.rtcp_port or min(remote.port + 1, 65535))

    def _take_keys(self, remote: Remote) -> None:
        """Make the SRTP contexts; they live as long as their keys, since they count what was encrypted with them."""
        before, self._keys = self._keys, (remote.srtp_in, remote.srtp_out)
        if remote.srtp_in != before[0]:
            self._decrypt = srtp.Receiver(srtp.Key.parse(remote.srtp_in)) if remote.srtp_in else None
        if remote.srtp_out != before[1]:
            self._encrypt = srtp.Sender(srtp.Key.parse(remote.srtp_out)) if remote.srtp_out else None

    def _destination(self, remote: Remote) -> tuple[Any, ...] | None:
        """Where to send to while the socket is not connected."""
        if self.path is not None:
            return self.path.source
        if not remote.port or remote.address in FROM_ANYWHERE:
            return None
        return self.latch.expected or socket_address(remote.address, remote.port)

    def _settle(self, remote: Remote) -> None:
        """Connect to the party: the kernel then drops what others send, and finds the way faster."""
        source = self.latch.source
        sock = self._pair.rtp
        try:
            sock.connect(source)  # type: ignore[arg-type]
        except OSError:
            return  # no route just now; go on as before
        self.connected = True
        self._road.point(self.lane, None)
        # What strangers sent before is still in the queue.
        for _ in range(DRAINED):
            try:
                data, origin = sock.recvfrom(MAX_PACKET)
            except BlockingIOError:
                break
            except OSError:
                continue
            if origin == source:
                self._heard_from_party(data)
            else:
                self.dropped_source += 1
        if self._decrypt is None and not remote.raw:
            self._road.trust(self.lane, True)

    # --- receiving -------------------------------------------------------------------------------------------------

    def readable(self) -> None:
        """A datagram waits on the RTP port of a party that is not trusted yet, or whose packets need more than RTP."""
        try:
            data, source = self._pair.rtp.recvfrom(MAX_PACKET)
        except OSError:
            return  # nothing there, or news that an earlier packet was refused
        remote = self._stream.remote
        if remote is None:
            self.dropped_source += 1
            return
        if self.path is not None:
            self._heard_browser(self.path, data, source)
            return
        if self.connected:
            self._heard_from_party(data)
            return
        # Only what is genuine may open the latch.
        if remote.raw:
            verdict = self.latch.judge(source)
        else:
            if len(data) < 12 or data[0] & 0xC0 != 0x80 or is_rtcp(data):
                self._stray(data, source)
                return
            if self._decrypt is not None:
                clear = self._decrypt.unprotect(data)
                if clear is None:
                    self.dropped_malformed += 1
                    return
                data = clear
            _, _, sequence, _, ssrc = HEADER.unpack_from(data)
            verdict = self.latch.judge(source, ssrc, sequence)
        if verdict is Verdict.REFUSED:
            self.dropped_source += 1
            return
        if verdict is Verdict.LATCHED:
            self._road.point(self.lane, source)
            self._stream.latched(source[0], source[1])
            if not remote.rtcp_mux:
                self._expect_rtcp(remote)
        self._take(data, remote)
        if self.latch.settled and not self.connected:
            self._settle(remote)

    def _heard_browser(self, path: WebPath, data: bytes, source: tuple[Any, ...]) -> None:
        """A datagram on a port that ICE, DTLS, SRTP and SRTCP share."""
        kind = kind_of(data)
        if kind == MEDIA:
            if self._decrypt is None or not path.knows(source):
                self.dropped_source += 1
                return
            if not self._stream.started:
                self._stream.begun(source[0], source[1])
            self._heard_from_party(data)
            return
        now = self._worker.seconds()
        if kind == STUN:
            answers = path.heard_stun(data, source, now)
            if answers is None:
                self.dropped_source += 1
                return
            self._send_all(answers)
        elif kind != DTLS:
            self.dropped_malformed += 1
        elif path.knows(source) or (not path.checked and self.latch.judge(source) is not Verdict.REFUSED):
            if not path.checked and path.source != source:
                self._send_all(path.use(source, now))
            self._send_all(path.heard_dtls(data, source, now))
        else:
            self.dropped_source += 1
        if self._decrypt is None:
            self._look_at(path, now)

    def _look_at(self, path: WebPath, now: float) -> None:
        """Take the keys when the handshake has brought them, and tell of what went wrong."""
        keys = path.keys
        if keys is not None and self._decrypt is None:
            self._decrypt, self._encrypt = srtp.Receiver(keys[0]), srtp.Sender(keys[1])
        elif path.shaking:
            self._worker.tick_for(self._stream)
        problem = path.problem(now, self._pair.port)
        if problem:
            self._stream.emit(Failed(self._stream.id, problem))

    def tick(self) -> bool:
        """Send again what was not answered in a handshake; False when none is under way."""
        path = self.path
        if path is None or not path.shaking:
            return False
        self._send_all(path.tick())
        self._look_at(path, self._worker.seconds())
        return path.shaking

    def sweep(self) -> None:
        """Look after what may take a second."""
        path = self.path
        if path is None:
            return
        now = self._worker.seconds()
        self._look_at(path, now)
        if path.source is not None and not path.consents(now):
            path.source = None  # RFC 7675 section 5.1; the next check brings it back

    def _stray(self, data: bytes, source: tuple[Any, ...]) -> None:
        """What comes to the RTP port and is no RTP."""
        if source != self.latch.expected:
            self.dropped_source += 1
        elif is_rtcp(data):
            self.heard_rtcp(data)
        else:
            self.dropped_malformed += 1

    def _heard_from_party(self, data: bytes) -> None:
        """A datagram on a connected socket."""
        remote = self._stream.remote
        if remote is None:
            return
        if self._decrypt is not None and not remote.raw:
            if is_rtcp(data):
                self.heard_rtcp(data)
                return
            clear = self._decrypt.unprotect(data)
            if clear is None:
                self.dropped_malformed += 1
                return
            data = clear
        self._take(data, remote)

    def _take(self, data: bytes, remote: Remote) -> None:
        if not remote.raw:
            self._road.take(self.lane, data)
            return
        lane = self.lane
        lane.heard_ns = self._worker.now()
        lane.packets_in += 1
        lane.bytes_in += len(data)
        self._stream.heard_raw(data)

    def _rtcp_readable(self) -> None:
        assert self._pair.rtcp is not None
        try:
            data, source = self._pair.rtcp.recvfrom(MAX_PACKET)
        except OSError:
            return
        if not is_rtcp(data):
            self.dropped_malformed += 1
        elif self.rtcp_latch.judge(source) is Verdict.REFUSED:
            self.dropped_source += 1
        else:
            self.heard_rtcp(data)

    def heard_rtcp(self, data: bytes) -> None:
        """An RTCP packet of the party."""
        if self._decrypt is not None:
            clear = self._decrypt.unprotect_rtcp(data)
            if clear is None:
                self.dropped_malformed += 1
                return
            data = clear
        if not self._stream.heard_reports(data):
            self.dropped_malformed += 1

    # --- sending ---------------------------------------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        """Send a datagram to the party as it is."""
        lane = self.lane
        if self._send(data):
            lane.packets_out += 1
            lane.bytes_out += len(data)
        else:
            lane.send_errors += 1

    def send_encrypted(self, payload: bytes, second: int, seq: int, ts: int) -> bool:
        """Send a packet as SRTP; `second` is the payload type, with the marker in its highest bit."""
        lane = self.lane
        packet = build(second & 0x7F, seq, ts, lane.ssrc_out, payload, second > 0x7F)
        protected = self._encrypt.protect(packet) if self._encrypt is not None else None
        if protected is None or not self._send(protected):
            lane.send_errors += 1
            return False
        lane.packets_out += 1
        lane.bytes_out += len(payload)
        return True

    def _send(self, data: bytes) -> bool:
        remote = self._stream.remote
        try:
            if self.connected:
                self._pair.rtp.send(data)
                return True
            destination = self._destination(remote) if remote is not None else None
            if destination is None:
                return False
            self._pair.rtp.sendto(data, destination)
        except OSError:
            return False
        return True

    def _send_all(self, datagrams: Datagrams) -> None:
        """Send what ICE and DTLS want to send."""
        for data, source in datagrams:
            try:
                self._pair.rtp.sendto(data, source)
            except OSError:
                self.lane.send_errors += 1

    def send_rtcp(self, data: bytes, remote: Remote) -> None:
        """Send a compound packet to where the party listens for RTCP."""
        if self._encrypt is not None:
            protected = self._encrypt.protect_rtcp(data)
            if protected is None:
                return
            data = protected
        elif self.path is not None:
            return  # never in clear
        if self.path is not None and not remote.rtcp_mux:
            return  # its RTCP port would want a handshake of its own (RFC 5764 section 3)
        if remote.rtcp_mux or self._pair.rtcp is None:
            self._send(data)
            return
        destination = self.rtcp_latch.expected
        if destination is None:
            destination = self._destination(remote)
            if destination is None:
                return
            destination = (destination[0], remote.rtcp_port or min(remote.port + 1, 65535), *destination[2:])
        try:
            self._pair.rtcp.sendto(data, destination)
        except OSError:
            self.lane.send_errors += 1
