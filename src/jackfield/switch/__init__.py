"""The switch process: registrations, calls, the dial plan, trunks."""
