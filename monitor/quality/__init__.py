"""How good the alarms are: false ones, how many, how soon they are noticed, taken on and over."""
