"""Notices: what the system tells people by e-mail, and what has become of each."""
