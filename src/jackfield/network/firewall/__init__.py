"""The firewall: which service is open to whom, by nftables where the kernel lets us, and in each program anyway."""
