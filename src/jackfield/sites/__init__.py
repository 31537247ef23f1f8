"""Sites: places with phones, by which address each is known, what its line to the Internet carries, what it gives."""
