"""What happened: calls with their legs and journal."""
