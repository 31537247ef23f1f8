"""Jackfield: a business phone system (IP PBX), made to be hosted."""

__version__ = "0.1.0"
