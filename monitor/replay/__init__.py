"""What rules would have told: stored history, or what is seen now, judged again in virtual time."""
