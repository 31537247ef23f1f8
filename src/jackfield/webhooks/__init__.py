"""Webhooks: other programs that are told by HTTP of what happens, and what has become of each message to them."""
