"""The machine on its network: its addresses, its certificates."""
