"""Giving phones their configuration: one door for every way by which they ask, and the rules that hold there."""
