"""Desk phones that the system provisions, how each of them stands, and the templates that a company has changed."""
