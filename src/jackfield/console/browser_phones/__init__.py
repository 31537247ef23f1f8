"""Jackfield Phone on the server: its accounts, the bridge to the switch, and the pushes that wake it."""
