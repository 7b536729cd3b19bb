"""Every write to sessions: one function per mutation, in one module per flow."""
