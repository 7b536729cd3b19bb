"""Second factors: one-time codes, passkeys and the enrollment policy."""
