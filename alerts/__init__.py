"""What an observation means, and who is told."""
