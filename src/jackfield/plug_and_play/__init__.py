"""How phones find their configuration: by themselves in the local network, and by their vendors' services elsewhere."""
