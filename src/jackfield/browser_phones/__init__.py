"""Phones in browsers (Jackfield Phone): which ones there are, in whose session, and how a push reaches each."""
