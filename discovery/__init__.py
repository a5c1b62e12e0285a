"""`squall discover`: a read-only look at an account, the risks that show without a fault, and proposed experiments."""
