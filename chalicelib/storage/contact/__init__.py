"""Contact policies, opt-outs, slots and follow-ups."""
