"""The firewall: which service of this machine is open to whom."""
