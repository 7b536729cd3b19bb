"""Second factors: one-time codes, passkeys, and who needs them."""
