"""What all probes share: the question (Check, Target), the answer (Answer, ProbeFailure), the record (Observation)."""
