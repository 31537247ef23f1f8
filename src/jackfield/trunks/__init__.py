"""The lines to the outside: trunks, incoming and outgoing calls, emergency numbers."""
