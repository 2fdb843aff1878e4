"""Finding devices that nobody has entered: sweep permitted networks, identify what answers, propose YAML."""
