"""What observations mean: rules, states, what is behind what, what fell together. Pure."""
