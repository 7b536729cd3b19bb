"""Every write to accounts: one function per mutation, in one module per flow."""
