"""Who is told: people, rotas, routes, escalation in steps. Pure functions of values and a time."""
