"""Notices: what the system tells people by e-mail and other programs by webhook, and what has become of each."""
