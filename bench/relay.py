"""What a relayed G.711 call costs in user space: `python bench/relay.py [--calls 200] [--seconds 5] [--rounds 3]`."""

from __future__ import annotations

from media_load import arguments, rounds


def main() -> None:
    """Measure both packet paths."""
    options = arguments(__doc__ or "", 200).parse_args()
    cases = [
        (f"relay pcmu, {options.calls} calls, {lane} lane", options.calls, "pcmu", "pcmu", lane)
        for lane in ("fast", "python")
    ]
    print(rounds(cases, options))


if __name__ == "__main__":
    main()
