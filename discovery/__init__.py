"""`squall discover`: reads an account, lists the risks that show without a fault, and proposes experiments."""
