"""How people are told: messages, the dispatcher, what every channel shares."""
