"""The simulated province that `commune-monitor demo` watches."""
