"""Telling webhooks: what happens live goes into the outbox, and what is in the outbox goes out."""
