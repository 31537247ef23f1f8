"""SIP, the protocol: messages, transactions, dialogs, transports. Knows no PBX."""
