"""The guard: sees who fails to get in, as one story, and blocks those who guess, without their honest neighbours."""
