"""Jackfield: a business phone system (IP PBX), made to be hosted."""

from jackfield import compiled

__version__ = "0.1.0"

compiled.use()
