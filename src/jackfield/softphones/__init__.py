"""Links that set softphones up, and their rules."""
