"""A WebRTC peer that we did not write and that is no browser: aiortc, with its own ICE, against our descriptions."""

from __future__ import annotations

import asyncio
import fractions
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jackfield import sdp
from jackfield.media.client import MediaPool, Remote, Stream, WebRtc

from .process import PATIENCE, process

aiortc = pytest.importorskip("aiortc", reason="aiortc is not installed (pip install aiortc)")

RATE, HERTZ = 48000, 440
NUMBERS = {"session_id": 7, "version": 1}


class Tone(aiortc.AudioStreamTrack):  # type: ignore[misc]
    """Says 440 Hz."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._begun = time.monotonic()

    async def recv(self) -> Any:
        from av import AudioFrame

        count = RATE // 50
        await asyncio.sleep(max(0.0, self._begun + self._sent / RATE - time.monotonic()))
        wave = np.sin(2 * np.pi * HERTZ * (self._sent + np.arange(count)) / RATE) * 8000
        frame = AudioFrame.from_ndarray(wave.astype("<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, fractions.Fraction(1, RATE)
        self._sent += count
        return frame


async def hears_itself(track: Any) -> None:
    """Wait until the tone that is echoed is heard for 0.2 s."""
    good = 0
    async with asyncio.timeout(PATIENCE):
        while good < 10:
            frame = await track.recv()
            samples = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)].astype(float)
            power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
            peak = int(np.argmax(power)) * frame.sample_rate / len(samples)
            good = good + 1 if samples.std() > 500 and abs(peak - HERTZ) < 60 else 0


def told(stream: Stream, agreed: sdp.RemoteAudio) -> None:
    """Tell the media process what was agreed."""
    theirs, ours = agreed.dtls, agreed.local_dtls
    assert theirs is not None
    assert ours is not None
    web = WebRtc(ours.ufrag, ours.password, theirs.ufrag, theirs.fingerprints, client=ours.setup == "active")
    codec = agreed.codec
    stream.configure(
        Remote(
            agreed.address, agreed.port, rtcp_mux=True, codec=codec.name, payload_type=codec.payload_type,
            clock_rate=codec.clock_rate, channels=codec.channels, webrtc=web,
        )
    )  # fmt: skip
    stream.echo(True)


async def opened(pool: MediaPool) -> tuple[Stream, sdp.Dtls]:
    worker = pool.worker()
    await worker.ask_fingerprint()
    (stream,) = await worker.open(address="127.0.0.1")
    return stream, sdp.Dtls("ours1234", "a-password-of-ours-1234567", (worker.fingerprint,))


@pytest.mark.parametrize(("we_offer", "codec"), [(False, "opus"), (True, "pcmu")])
async def test_aiortc_hears_itself_in_an_echo(tmp_path: Path, we_offer: bool, codec: str) -> None:
    peer = aiortc.RTCPeerConnection()
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    peer.on("track", lambda track: heard.done() or heard.set_result(track))
    with process(tmp_path / "media.sock"):
        pool = MediaPool()
        await pool.connect([tmp_path / "media.sock"])
        try:
            stream, dtls = await opened(pool)
            peer.addTrack(Tone())
            where: dict[str, Any] = {"address": "127.0.0.1", "port": stream.port, "codecs": [codec], "dtls": dtls}
            if we_offer:
                offer = sdp.offer(**where, **NUMBERS)
                await peer.setRemoteDescription(aiortc.RTCSessionDescription(offer.to_bytes().decode(), "offer"))
                await peer.setLocalDescription(await peer.createAnswer())
                agreed = sdp.read_answer(offer, sdp.parse(peer.localDescription.sdp.encode()))
            else:
                await peer.setLocalDescription(await peer.createOffer())
                agreed = answer = sdp.answer(sdp.parse(peer.localDescription.sdp.encode()), **where, **NUMBERS)
                text = answer.session.to_bytes().decode()
                await peer.setRemoteDescription(aiortc.RTCSessionDescription(text, "answer"))
            assert agreed.remote is not None, agreed.problem
            told(stream, agreed.remote)
            await hears_itself(await asyncio.wait_for(heard, PATIENCE))
        finally:
            await peer.close()
            await pool.close()
