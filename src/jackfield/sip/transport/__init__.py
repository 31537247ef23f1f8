"""The SIP transports: UDP, TCP, TLS, WebSocket and secure WebSocket behind one interface."""
