"""Limits on outgoing calls: rules, prices, counters, and what happens when a budget is used up."""
