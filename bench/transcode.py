"""What a transcoded call costs: `python bench/transcode.py [--calls 20] [--seconds 5] [--rounds 3] [--all]`."""

from __future__ import annotations

from itertools import combinations

from media_load import PAYLOAD_TYPES, arguments, rounds


def main() -> None:
    """Measure mu-law against the others, or (--all) every pair."""
    parser = arguments(__doc__ or "", 20)
    parser.add_argument("--all", action="store_true", help="every pair of codecs")
    parser.add_argument("--lane", default="fast", choices=("fast", "python"))
    options = parser.parse_args()
    pairs = [("pcmu", other) for other in ("pcma", "gsm", "g722", "opus")]
    if options.all:
        pairs = list(combinations(PAYLOAD_TYPES, 2))
    cases = [
        (f"{one}-{two}, {options.calls} calls, {options.lane} lane", options.calls, one, two, options.lane)
        for one, two in pairs
    ]
    print(rounds(cases, options))


if __name__ == "__main__":
    main()
