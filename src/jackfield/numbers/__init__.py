"""The numbers of the house: extensions with their lines, ring groups, services; and the one dial plan they share."""
