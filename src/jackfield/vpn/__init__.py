"""The VPN: phones, people's devices and sites that come in by WireGuard, with an address and a key each."""
