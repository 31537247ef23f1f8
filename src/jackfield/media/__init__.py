"""The media process, which moves and makes audio, and the client by which the switch commands it."""
