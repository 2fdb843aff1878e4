"""What is watched: sites, devices, roles, credentials and profiles. No network, no clock."""
