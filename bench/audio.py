"""What audio through real calls costs: CPU per second of call, loss and delay, relayed and transcoded.

    python bench/audio.py [--runs 3] [--asterisk FOLDER] [--quick] [--only relay|pcma|gsm|g722|opus]

Each call is set up by SIP through the whole system; then both phones send 50 packets a second of a voice-like sound.
The CPU is that of all processes of the server while audio flows. Delay is from the sending of one phone to the hearing
of the other; with transcoding it holds the server's jitter buffer, if it has one.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig
import rtp_load
import servers
from phones import Phones

CASES = ("relay", "pcma", "gsm", "g722", "opus")


def measure(server: rig.Server, table: rig.Table, case: str, count: int, seconds: float) -> None:
    """One case once."""
    codec = "pcmu" if case == "relay" else case
    ends = [(rtp_load.RtpPhone("pcmu", 0), rtp_load.RtpPhone(codec, 0)) for _ in range(count)]
    phones = Phones(
        server, callee_codecs=(codec,), audio_ports=lambda index: (ends[index][0].port, ends[index][1].port)
    )
    try:
        phones.register(servers.callees())
        calls = phones.run(count, rate=40, hold=None)
        up = [call for call in calls if call.state == "up"]
        if len(up) < count:
            print(f"  {server.name}: {count - len(up)} of {count} calls did not come about", file=sys.stderr)
        audio = []
        for call in up:
            caller, callee = ends[call.index]
            callee.payload_type = call.callee_payload_type
            caller.sock.connect((server.host, call.caller_sends_to))
            callee.sock.connect((server.host, call.callee_sends_to))
            audio += [caller, callee]
        rtp_load.run(audio, 1.0)  # both sides get to know each other
        phones.wait(0.3)
        for phone in audio:
            _empty(phone)
        drops = _kernel_drops()
        with server.metered() as cost:
            heard = rtp_load.run(audio, seconds, before=50)
        drops = _kernel_drops() - drops
        phones.hang_up(up)
    finally:
        phones.close()
        for pair in ends:
            for phone in pair:
                phone.sock.close()
    name = f"{count} calls relayed (mu-law)" if case == "relay" else f"{count} calls mu-law to {case}"
    table.add(f"{name}: CPU per second of call", server.name, cost.per(len(up) * seconds), "ms")
    table.add(f"{name}: lost", server.name, (1 - heard.received / max(heard.sent, 1)) * 100, "%")
    table.add(f"{name}: dropped by the kernel", server.name, drops)
    table.add(f"{name}: delay, median", server.name, rig.percentile(heard.latencies, 0.5), "ms")
    table.add(f"{name}: delay, p99", server.name, rig.percentile(heard.latencies, 0.99), "ms")


def _empty(phone: rtp_load.RtpPhone) -> None:
    try:
        while True:
            phone.sock.recv(2048)
    except OSError:
        return


def _kernel_drops() -> int:
    """Datagrams thrown away on this machine because a socket's buffer was full."""
    names, values = (line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line[:4] == "Udp:")
    return int(dict(zip(names, values, strict=True))["RcvbufErrors"])


def main() -> None:
    """Run and print a table."""
    parser = rig.arguments(__doc__ or "")
    parser.add_argument("--calls", type=int, default=200, help="calls relayed at once (default %(default)s)")
    parser.add_argument("--transcoded", type=int, default=20, help="calls transcoded at once (default %(default)s)")
    parser.add_argument("--only", action="append", choices=CASES, help="leave the other cases out")
    options = parser.parse_args()
    os.sched_setaffinity(0, {rig.LOAD_CORE})
    runs, seconds = (1, 2.0) if options.quick else (options.runs, 10.0)
    table, foreign = rig.Table(), []
    for _ in range(runs):
        for case in options.only or CASES:
            codec = "pcmu" if case == "relay" else case
            count = options.calls if case == "relay" else options.transcoded
            if options.quick:
                count = max(1, count // 4)
            for start in servers.chosen(options, codecs=("pcmu",), callee_codecs=(codec,)):
                with start() as server:
                    time.sleep(0.5)
                    measure(server, table, case, count, seconds)
                    foreign += server.foreign
    rig.report("Audio", table, foreign, options)


if __name__ == "__main__":
    main()
