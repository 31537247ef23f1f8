"""People: the users of the system."""
