"""Limits on outgoing calls, as the administrator configures them."""
