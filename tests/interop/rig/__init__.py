"""What the tests with real phones stand on: the system under test, foreign phones and servers, and the ear."""
