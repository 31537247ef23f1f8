"""What phones of the local networks find by themselves: TFTP, plug and play by SIP, DHCP, the directory by LDAP."""
