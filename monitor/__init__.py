"""The running service: plan, schedule, run, store, judge, show."""
