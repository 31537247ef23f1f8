"""What holds for the whole company: general settings, sounds, and the state of the installation."""
