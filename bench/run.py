"""All benchmarks of the whole system, one after the other, as Markdown: `make bench`, or

    python bench/run.py [--asterisk FOLDER] [--quick] [--runs 3] [--only calls|audio|memory]

Options are those of `calls.py`, `audio.py` and `memory.py`. Alone on a quiet machine it takes some 25 minutes, with
Asterisk beside it (bench/peer/asterisk.sh FOLDER) an hour; --quick two minutes for each server.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig

BENCHMARKS = ("calls", "audio", "memory")


def main() -> int:
    """Run; the status is that of the worst."""
    parser = rig.arguments(__doc__ or "")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="leave the others out")
    options = parser.parse_args()
    arguments = ["--runs", str(options.runs), "--python", options.python]
    for name in ("quick", "only_peers"):
        if getattr(options, name):
            arguments.append("--" + name.replace("_", "-"))
    if options.asterisk:
        arguments += ["--asterisk", str(options.asterisk)]
    for server in options.server:
        arguments += ["--server", server]
    worst = 0
    for name in options.only or BENCHMARKS:
        mine = arguments if name != "memory" else ["--runs", "1", *arguments[2:]]  # it takes long, and varies little
        command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *mine]
        worst = max(worst, subprocess.run(command, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
